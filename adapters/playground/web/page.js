// The page works without this: forms post and links lead on. With it the page
// stays where it is, shows what is new by itself, and proposes while one types.
"use strict";
document.documentElement.classList.add("js");

document.addEventListener("DOMContentLoaded", () => {
	const $ = (id) => document.getElementById(id);
	const log = $("log"), text = $("text"), list = $("proposals"), menu = $("menu"), side = $("side");
	const here = new URLSearchParams({ as: document.body.dataset.as });
	if (document.body.dataset.at) here.set("at", document.body.dataset.at);

	// ---- showing what the server has drawn anew

	const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 120;
	const toEnd = () => { log.scrollTop = log.scrollHeight; };

	function merge(old, fresh) {
		let before = null;
		const kept = new Set();
		for (const item of [...fresh.children]) {
			let mine = $(item.id);
			kept.add(item.id);
			if (!mine || mine.parentNode !== old) {
				mine = document.adoptNode(item);
				mine.classList.add("arrived");
				old.insertBefore(mine, before ? before.nextSibling : old.firstChild);
				if (!atEnd()) mine.scrollIntoView({ block: "nearest" });
			} else if (mine.dataset.version !== undefined) {
				if (mine.dataset.version !== item.dataset.version) {
					mine.dataset.version = item.dataset.version;
					swap(mine.querySelector("article"), item.querySelector("article"));
				}
				const replies = mine.querySelector("ol"), news = item.querySelector("ol");
				replies.hidden = news.hidden;
				merge(replies, news);
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
		if (focused) ($(focused) || log).focus({ preventScroll: true });
	}

	function show(page) {
		if (!page.getElementById("messages")) return;
		const stay = atEnd();
		for (const part of document.querySelectorAll("[data-part]")) {
			const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
			if (part.dataset.part !== "form") swap(part, fresh);
			else showForm(part, fresh);
		}
		merge($("messages"), page.getElementById("messages"));
		if (stay) toEnd();
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

	const stream = new EventSource("/live?" + here);
	let revision = "";
	stream.addEventListener("change", (e) => {
		$("offline").hidden = true;
		if (e.data !== revision) { revision = e.data; refresh(); }
	});
	stream.addEventListener("error", () => {
		revision = "";
		$("offline").textContent = document.body.dataset.offline;
		$("offline").hidden = false;
	});
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
			if (form.id === "say" && !refused) { text.value = ""; fit(); }
			show(page);
			if (form.getAttribute("action") === "/say") { toEnd(); text.focus({ preventScroll: true }); }
			else if (!document.activeElement || document.activeElement === document.body) log.focus({ preventScroll: true });
		} catch {
			$("offline").textContent = document.body.dataset.offline;
			$("offline").hidden = false;
		}
		form.removeAttribute("aria-busy");
		if (by) by.removeAttribute("aria-busy");
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

	// ---- writing

	const fit = () => { text.style.removeProperty("height"); hide(); };

	text.addEventListener("keydown", (e) => {
		if (!list.hidden && chosen(e)) return;
		if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
			e.preventDefault();
			$("say").requestSubmit();
		}
	});

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

	openForm();
	toEnd();
	// A phone's keyboard, or a turned screen, takes room: the newest message stays in sight.
	let wasAtEnd = true;
	log.addEventListener("scroll", () => { wasAtEnd = atEnd(); }, { passive: true });
	new ResizeObserver(() => { if (wasAtEnd) toEnd(); }).observe(log);
});
