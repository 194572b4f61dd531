// The page works without this: forms post and links lead on. With it, and with
// live.js, the page stays where it is and proposes while one types.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
	const $ = (id) => document.getElementById(id);
	const text = $("text"), list = $("proposals"), menu = $("menu"), side = $("side");
	const here = new URLSearchParams({ as: document.body.dataset.as });
	if (document.body.dataset.at) here.set("at", document.body.dataset.at);

	// ---- writing

	const fit = () => { text.style.removeProperty("height"); hide(); };

	text.addEventListener("keydown", (e) => { if (!list.hidden) chosen(e); });

	const mention = $("mention");
	if (mention) {
		mention.hidden = false;
		mention.addEventListener("click", () => {
			if (!/@procurabot\b/i.test(text.value)) text.value = "@Procurabot " + text.value;
			text.focus();
		});
	}
	$("live-hint").hidden = false;

	// ---- proposals: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/

	// A field of several lines may not be a combobox (https://www.w3.org/TR/html-aria/#el-textarea):
	// the number of proposals is said instead.
	text.setAttribute("aria-autocomplete", "list");
	text.setAttribute("aria-haspopup", "listbox");
	text.setAttribute("aria-controls", "proposals");
	let turn = 0, at = -1, proposed = [];

	function hide() {
		turn++;
		at = -1;
		list.hidden = true;
		text.removeAttribute("aria-activedescendant");
		$("spoken").textContent = "";
	}

	function offer(all) {
		if (all.length === 0) { hide(); return; }
		proposed = all;
		at = -1;
		list.replaceChildren(...all.map((p, i) => {
			const item = document.createElement("li");
			item.id = "proposal-" + i;
			item.setAttribute("role", "option");
			item.setAttribute("aria-selected", "false");
			item.textContent = p.label;
			if (p.about) {
				const about = document.createElement("span");
				about.textContent = p.about;
				item.append(about);
			}
			item.addEventListener("mousedown", (e) => { e.preventDefault(); take(i); });
			return item;
		}));
		list.hidden = false;
		$("spoken").textContent = document.body.dataset.many.replace("%d", all.length);
	}

	function choose(i) {
		at = (i + proposed.length) % proposed.length;
		[...list.children].forEach((item, j) => item.setAttribute("aria-selected", j === at));
		text.setAttribute("aria-activedescendant", "proposal-" + at);
		list.children[at].scrollIntoView({ block: "nearest" });
	}

	function take(i) {
		const { line, caret } = proposed[i];
		text.value = line;
		const end = caret === undefined ? line.length : caret;
		text.setSelectionRange(end, end);
		hide();
		if (line.endsWith(" ")) propose();
	}

	function chosen(e) {
		switch (e.key) {
		case "ArrowDown": choose(at + 1); break;
		case "ArrowUp": choose(at < 0 ? proposed.length - 1 : at - 1); break;
		case "Escape": hide(); break;
		case "Tab": if (e.shiftKey || at < 0) { hide(); return false; } take(at); break;
		case "Enter": if (at < 0 || e.shiftKey) return false; take(at); break;
		default: return false;
		}
		e.preventDefault();
		return true;
	}

	async function propose() {
		const mine = ++turn, line = text.value;
		if (line.startsWith("/") && !line.includes("\n")) {
			try {
				const answer = await fetch("/propose?" + here + "&" + new URLSearchParams({ line }));
				const all = answer.ok ? await answer.json() : [];
				if (mine === turn) offer(all.filter((p) => p.line !== line));
			} catch { hide(); }
			return;
		}
		const before = line.slice(0, text.selectionStart), word = /(^|\s)@([\p{L}]*)$/u.exec(before);
		if (!word) { hide(); return; }
		const names = ["Procurabot", ...[...document.querySelectorAll('[data-part="people"] a:not([aria-current]) .name')].map((n) => n.firstChild.textContent.trim())];
		const start = before.slice(0, before.length - word[2].length);
		offer(names.filter((n) => n.toLowerCase().startsWith(word[2].toLowerCase())).map((n) => ({
			line: start + n + " " + line.slice(before.length).trimStart(), caret: start.length + n.length + 1, label: "@" + n,
		})));
	}

	text.addEventListener("input", propose);
	text.addEventListener("blur", hide);

	// ---- the menu of a narrow screen

	menu.hidden = false;
	const unfold = (open) => {
		side.classList.toggle("shown", open);
		menu.setAttribute("aria-expanded", open);
	};
	menu.addEventListener("click", () => unfold(!side.classList.contains("shown")));
	document.addEventListener("keydown", (e) => {
		if (e.key === "Escape" && side.classList.contains("shown")) { unfold(false); menu.focus(); }
	});

	livePage({ text, sent: fit });
});
