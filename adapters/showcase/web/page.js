// The page works without this: forms post and links lead on. With it, and with
// live.js, it stays where it is, and a phone shows one platform at a time.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
	const $ = (id) => document.getElementById(id);
	const tabs = $("tabs");
	if (tabs) {
		tabs.hidden = false;
		tabs.addEventListener("click", (e) => {
			const id = e.target.dataset.pane;
			if (!id) return;
			for (const tab of tabs.children) tab.setAttribute("aria-pressed", tab.dataset.pane === id);
			for (const pane of document.querySelectorAll(".pane")) {
				pane.classList.toggle("front", pane.id === "pane-" + id);
				const log = pane.querySelector(".log");
				log.scrollTop = log.scrollHeight;
			}
		});
	}
	// What was proposed has been seen; what comes now needs the room.
	document.addEventListener("submit", () => { $("try").open = false; });
	livePage({ text: $("text"), sent: () => {} });
});
