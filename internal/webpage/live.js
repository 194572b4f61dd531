// A page that the server draws whole, kept up to date where it stands:
//
//   [data-part="x"]  is replaced when it differs
//   [data-list]      in a [role=log]: its items come, change (data-version) and go
//   [data-form]      holds at most one dialog, shown anew when its data-number differs
//
// Forms post without leaving the page. Those who read further up stay there.
"use strict";
document.documentElement.classList.add("js");

// livePage begins. Text is the field that has the focus when nothing else has;
// sent is called when what was written in it has arrived.
function livePage({ text, sent }) {
	const $ = (id) => document.getElementById(id);
	const here = new URLSearchParams(); // the address without what was said of the last act
	for (const name of ["as", "at"]) if (document.body.dataset[name]) here.set(name, document.body.dataset[name]);

	// ---- showing what the server has drawn anew

	const logs = [...document.querySelectorAll("[role=log]")];
	const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 120;
	const toEnd = () => { for (const log of logs) log.scrollTop = log.scrollHeight; };

	function merge(log, old, fresh) {
		let before = null;
		const kept = new Set();
		for (const item of [...fresh.children]) {
			let mine = $(item.id);
			kept.add(item.id);
			if (!mine || mine.parentNode !== old) {
				mine = document.adoptNode(item);
				mine.classList.add("arrived");
				old.insertBefore(mine, before ? before.nextSibling : old.firstChild);
				if (!atEnd(log)) mine.scrollIntoView({ block: "nearest" });
			} else if (mine.dataset.version !== undefined) {
				if (mine.dataset.version !== item.dataset.version) {
					mine.dataset.version = item.dataset.version;
					swap(mine.querySelector("article"), item.querySelector("article"));
				}
				const replies = mine.querySelector("ol.replies"), news = item.querySelector("ol.replies");
				replies.hidden = news.hidden;
				merge(log, replies, news);
			}
			before = mine;
		}
		for (const item of [...old.children]) if (!kept.has(item.id)) item.remove();
	}

	// swap replaces an element's content and keeps the focus where it was.
	function swap(old, fresh) {
		if (!old || !fresh || old.innerHTML === fresh.innerHTML) return;
		const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
		old.replaceChildren(...[...fresh.childNodes].map((n) => document.adoptNode(n)));
		if (focused) ($(focused) || old.closest("[role=log]") || logs[0]).focus({ preventScroll: true });
	}

	function show(page) {
		if (!page.querySelector("[data-list]")) return;
		const stay = new Set(logs.filter(atEnd));
		for (const part of document.querySelectorAll("[data-part]")) {
			swap(part, page.querySelector(`[data-part="${part.dataset.part}"]`));
		}
		for (const list of document.querySelectorAll("[data-list]")) {
			merge(list.closest("[role=log]"), list, page.getElementById(list.id));
		}
		showForm(document.querySelector("[data-form]"), page.querySelector("[data-form]"));
		for (const log of stay) log.scrollTop = log.scrollHeight;
	}

	let asking = null, again = false;
	async function refresh() {
		if (asking) { again = true; return; }
		do {
			again = false;
			asking = fetch("/?" + here);
			try {
				const answer = await asking;
				const page = new DOMParser().parseFromString(await answer.text(), "text/html");
				const problem = document.querySelector('[data-part="problem"]');
				const keep = page.querySelector('[data-part="problem"]');
				if (keep) keep.innerHTML = problem.innerHTML; // said once, to stay until the next act
				if (answer.ok) show(page);
			} catch { /* the stream says when the connection is back */ }
			asking = null;
		} while (again);
	}

	function offline() {
		$("offline").textContent = document.body.dataset.offline;
		$("offline").hidden = false;
	}

	const stream = new EventSource("/live?" + here);
	let revision = "";
	stream.addEventListener("change", (e) => {
		$("offline").hidden = true;
		if (e.data !== revision) { revision = e.data; refresh(); }
	});
	stream.addEventListener("error", () => { revision = ""; offline(); });
	addEventListener("pagehide", () => stream.close());

	// ---- acting without leaving the page

	document.addEventListener("submit", async (e) => {
		const form = e.target, by = e.submitter;
		if (form.method !== "post") return;
		e.preventDefault();
		if (form.getAttribute("aria-busy") === "true") return;
		const body = new URLSearchParams(new FormData(form, by));
		form.setAttribute("aria-busy", "true");
		if (by) by.setAttribute("aria-busy", "true");
		if (by && by.id && !by.closest("dialog")) cause = by.id;
		try {
			const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
			if (!answer.ok) throw new Error(answer.statusText);
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			const refused = page.querySelector('[data-part="problem"] [role="alert"]');
			if (form.id === "say" && !refused) { text.value = ""; sent(); }
			show(page);
			const saying = form.getAttribute("action") === "/say", at = document.activeElement;
			if (saying) toEnd();
			// Who has gone on to something else meanwhile stays there.
			if (!at || at === document.body || saying && form.contains(at)) (saying ? text : logs[0]).focus({ preventScroll: true });
		} catch { offline(); }
		form.removeAttribute("aria-busy");
		if (by) by.removeAttribute("aria-busy");
	});

	text.addEventListener("keydown", (e) => {
		if (e.key === "Enter" && !e.shiftKey && !e.isComposing && !e.defaultPrevented) {
			e.preventDefault();
			$("say").requestSubmit();
		}
	});
	// A busy browser lets a line break through though its keydown was prevented: into the field that was emptied meanwhile.
	text.addEventListener("keypress", (e) => {
		if (e.key === "Enter" && !e.shiftKey) e.preventDefault();
	});

	// ---- forms

	let cause = ""; // the button that opened the form: the focus returns there

	function showForm(part, fresh) {
		const mine = part.querySelector("dialog"), its = fresh && fresh.querySelector("dialog");
		if ((mine && mine.dataset.number) === (its && its.dataset.number)) return;
		if (mine && mine.open) mine.close();
		part.replaceChildren(...(its ? [document.adoptNode(its)] : []));
		if (its) openForm();
		else if (cause) { ($(cause) || text).focus({ preventScroll: true }); cause = ""; }
	}

	function openForm() {
		const dialog = $("form");
		if (!dialog) return;
		dialog.removeAttribute("open");
		dialog.showModal();
		const first = dialog.querySelector("[aria-invalid]") || dialog.querySelector("input[type=text], textarea");
		if (first) first.focus();
		dialog.addEventListener("cancel", (e) => {
			e.preventDefault();
			dialog.querySelector('[value="cancel"]').click();
		});
	}

	document.addEventListener("input", (e) => {
		const counter = e.target.closest("dialog") && $("counter-" + e.target.id.slice("field-".length));
		if (!counter) return;
		const numbers = [e.target.value.length, e.target.maxLength];
		counter.textContent = document.body.dataset.typed.replace(/%d/g, () => numbers.shift());
	});

	openForm();
	toEnd();
	// A phone's keyboard, or a turned screen, takes room: the newest message stays in sight.
	for (const log of logs) {
		let wasAtEnd = true;
		log.addEventListener("scroll", () => { wasAtEnd = atEnd(log); }, { passive: true });
		new ResizeObserver(() => { if (wasAtEnd) log.scrollTop = log.scrollHeight; }).observe(log);
	}
}
