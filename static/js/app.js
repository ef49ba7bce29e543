// What pages do with script on: dialogs, toasts, selection, times, shortcuts. Every page works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const icons = document.currentScript.dataset.icons;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const icon = (name) => {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(space, "use");
    use.setAttribute("href", `${icons}#${name}`);
    svg.append(use);
    return svg;
  };
  const csrf = () => one('meta[name="csrf-token"]')?.content ?? "";
  root.classList.add("js");

  // Toasts: success leaves after 6 s unless hovered or focused, errors stay.
  const toastIcons = { success: "circle-check", error: "circle-alert", warning: "triangle-alert", info: "info" };
  const retire = (toast) => {
    if (!["success", "info"].includes(toast.dataset.toast)) return;
    const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 1500) : toast.remove());
    setTimeout(leave, 6000);
  };
  function showToast(given) {
    const { text, message, kind = "info" } = typeof given === "string" ? { text: given } : given ?? {};
    if (!(text ?? message)) return;
    const close = element("button", { type: "button", className: "button quiet icon-only small", ariaLabel: "Close", title: "Close" }, icon("x"));
    close.dataset.close = ".toast";
    const toast = element("div", { className: `toast ${kind}`, role: kind === "error" ? "alert" : "status" },
      icon(toastIcons[kind] ?? "info"), element("div", { textContent: text ?? message }), close);
    toast.dataset.toast = kind;
    place(one("#toasts")).append(toast);
    retire(toast);
  }
  // Messages must lie above an open dialog, and only elements of the top layer do.
  function place(box) {
    if (one("dialog:modal") && box.showPopover) {
      box.popover = "manual";
      if (box.matches(":popover-open")) box.hidePopover();
      box.showPopover();
    } else if (box.popover) {
      if (box.matches(":popover-open")) box.hidePopover();
      box.popover = null;
    }
    return box;
  }
  window.fleet = Object.freeze({ toast: showToast });

  // Times: refreshed every 30 s; the title gains the reader's own time.
  const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const phrase = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  function tellTimes(within = document) {
    for (const time of all("time[datetime]", within)) {
      const then = new Date(time.dateTime);
      if (Number.isNaN(then.getTime()) || time.dataset.fixed !== undefined) continue;
      if (!time.dataset.local) {
        time.dataset.local = "1";
        time.title = `${time.title}${time.title ? " · " : ""}${then.toLocaleString()} your time`;
      }
      const seconds = (then - Date.now()) / 1000;
      const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? units.at(-1);
      const text = Math.abs(seconds) < 10 ? "just now" : phrase.format(Math.trunc(seconds / size), unit);
      if (time.textContent !== text) time.textContent = text;
    }
  }
  setInterval(tellTimes, 30000);

  // Selection in tables
  function tellSelection(form) {
    const bar = one("[data-bulk]", form);
    const boxes = all("input[data-select]", form);
    const ticked = boxes.filter((box) => box.checked).length;
    const head = one("[data-select-all]", form);
    if (head) {
      head.checked = boxes.length > 0 && ticked === boxes.length;
      head.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    if (!bar) return;
    const matching = one("[data-select-matching]", bar);
    if (matching && ticked < boxes.length) matching.checked = false;
    matching?.closest("label").toggleAttribute("hidden", ticked < boxes.length);
    const everything = matching?.checked;
    one("[data-bulk-count]", bar).textContent = everything
      ? `All matching ${bar.dataset.plural} selected`
      : `${ticked} ${ticked === 1 ? bar.dataset.noun : bar.dataset.plural} on this page selected`;
  }

  // Dialogs
  const dialog = one("#dlg");
  let opener = null;
  const dirty = new WeakSet();
  // A refused form comes back with what was typed, which is not saved either.
  const keepTyped = (within) => all("form[data-guard]", within).filter((form) => one('[role="alert"]', form)).forEach((form) => dirty.add(form));
  const unsaved = (within) => all("form[data-guard]", within).some((form) => form.isConnected && dirty.has(form));
  function openDialog() {
    if (dialog.open) return;
    dialog.showModal();
    place(one("#toasts"));
    const first = one("[autofocus], [data-focus]", dialog) ?? one(".dialog-body :is(input:not([type=hidden]), select, textarea)", dialog);
    first?.focus();
  }
  function closeDialog(box) {
    if (unsaved(box) && !window.confirm("Leave without saving what you typed?")) return;
    box.close();
  }
  dialog?.addEventListener("close", () => {
    dialog.replaceChildren();
    place(one("#toasts"));
    (opener?.isConnected ? opener : one("#main"))?.focus({ preventScroll: true });
    opener = null;
  });
  for (const box of all("dialog")) {
    box.addEventListener("cancel", (event) => {
      event.preventDefault();
      closeDialog(box);
    });
    box.addEventListener("mousedown", (event) => {
      if (event.target === box) closeDialog(box);
    });
  }
  window.addEventListener("beforeunload", (event) => {
    if (unsaved(document)) event.preventDefault();
  });

  // What the server asks for in HX-Trigger
  document.addEventListener("toast", (event) => showToast(event.detail.value ?? event.detail));
  document.addEventListener("csrf", ({ detail }) => {
    one('meta[name="csrf-token"]').content = detail.value;
    all("input[name=csrf_token]").forEach((field) => (field.value = detail.value));
  });
  document.addEventListener("close-dialog", () => {
    all("form[data-guard]").forEach((form) => dirty.delete(form));
    if (dialog.open) dialog.close();
    else if (one("#main > .dialog")) window.location.assign(one("#main > .dialog").dataset.closeHref);
  });
  document.addEventListener("refresh", (event) => {
    for (const id of [event.detail.value ?? []].flat()) {
      const region = document.getElementById(id);
      if (region) htmx.ajax("GET", region.dataset.url ?? window.location.href, { target: region, swap: "outerHTML" });
    }
  });

  // Requests
  const polls = (source) => source.getAttribute("hx-trigger")?.includes("every ") || source.closest("[data-background]");
  let failed = null;
  document.addEventListener("htmx:configRequest", (event) => {
    const { headers, elt, triggeringEvent, verb } = event.detail;
    if (verb !== "get") headers["X-CSRFToken"] = csrf();
    const background = polls(elt) && !["click", "submit"].includes(triggeringEvent?.type);
    if (background) headers["X-Background"] = "1";
    if (background && document.hidden) event.preventDefault();
    if (elt.closest("form[data-clean]") && verb === "get") {
      for (const [name, value] of [...event.detail.formData.entries()]) if (value === "") event.detail.formData.delete(name);
    }
    if (event.detail.target === dialog && !dialog.open) {
      opener = elt.closest("details.menu")?.querySelector("summary") ?? elt;
      elt.closest("details.menu")?.removeAttribute("open");
    }
  });
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.target && detail.target !== dialog && !polls(detail.elt)) detail.target.setAttribute("aria-busy", "true");
    if (detail.elt.matches("button, form")) busy(detail.elt, true);
  });
  const busy = (source, on) => {
    const button = source.matches("form") ? one("button.primary[type=submit], button.destructive[type=submit]", source) : source;
    if (on) button?.setAttribute("aria-busy", "true");
    else button?.removeAttribute("aria-busy");
  };
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    detail.target?.removeAttribute("aria-busy");
    busy(detail.elt, false);
    if (detail.xhr?.status > 0) {
      one("#netloss").hidden = true;
      failed = null;
    }
    if (detail.successful && detail.elt.matches("form[data-guard]")) dirty.delete(detail.elt);
  });
  // A card that could not be loaded says so and can be asked again.
  function failCard(card) {
    const again = element("button", { type: "button", className: "button small", textContent: "Try again" });
    again.addEventListener("click", () => htmx.ajax("GET", card.getAttribute("hx-get"), { source: card, target: card, swap: "outerHTML" }));
    card.classList.remove("loading");
    one(".skeleton, .card-failed", card)?.replaceWith(element("div", { className: "card-failed row" }, element("span", { textContent: "This part could not be loaded." }), again));
  }
  const lost = ({ detail }) => {
    failed = detail;
    if (detail.elt.matches("[data-card]")) failCard(detail.elt);
    one("#netloss").hidden = false;
  };
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:timeout", lost);
  document.addEventListener("htmx:responseError", ({ detail }) => {
    const { xhr } = detail;
    if (xhr.getResponseHeader("HX-Redirect") || xhr.getResponseHeader("HX-Trigger")?.includes("toast")) return;
    if (detail.elt.matches("[data-card]")) return failCard(detail.elt);
    const known = { 403: "You may not do that.", 404: "That is not there any more.", 429: "Too many requests. Wait a moment." };
    showToast({ kind: "error", text: known[xhr.status] ?? `The server could not do that (${xhr.status}).` });
  });
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target === dialog || dialog?.contains(detail.target)) openDialog();
  });
  document.addEventListener("htmx:load", ({ detail }) => {
    tellTimes(detail.elt);
    keepTyped(detail.elt);
    if (detail.elt !== document.body) one("[data-focus]", detail.elt)?.focus();
    all("form:has([data-select])").forEach(tellSelection);
  });

  // Clicks
  const copied = async (button) => {
    const source = button.dataset.copyFrom ? one(button.dataset.copyFrom) : null;
    const text = button.dataset.copy ?? source?.value ?? source?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text === "@url" ? window.location.href : text);
    } catch {
      showToast({ kind: "warning", text: "The browser does not let this page copy. Select the text instead." });
      return;
    }
    const words = one("span", button);
    if (!words) showToast({ kind: "success", text: "Copied" });
    else if (words.textContent !== "Copied") {
      const before = words.textContent;
      words.textContent = "Copied";
      setTimeout(() => (words.textContent = before), 2000);
    }
    one("use", button)?.setAttribute("href", `${icons}#check`);
    setTimeout(() => one("use", button)?.setAttribute("href", `${icons}#copy`), 2000);
  };
  const revealed = (button) => {
    const input = one("input", button.parentElement);
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    button.setAttribute("aria-pressed", String(show));
    button.title = show ? "Hide" : "Show";
    button.ariaLabel = button.ariaLabel.replace(/^(Show|Hide)/, button.title);
    one("use", button).setAttribute("href", `${icons}#${show ? "eye-off" : "eye"}`);
  };
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-copy], [data-copy-from], [data-reveal], [data-close], [data-close-dialog], [data-retry], [data-select-none], [aria-disabled=true]");
    for (const menu of all("details.menu[open], details.rail-user[open]")) if (!menu.contains(event.target)) menu.open = false;
    if (!target) return;
    if (target.matches("[aria-disabled=true]")) event.preventDefault();
    else if (target.matches("[data-copy], [data-copy-from]")) copied(target);
    else if (target.matches("[data-reveal]")) revealed(target);
    else if (target.matches("[data-close]")) target.closest(target.dataset.close).remove();
    else if (target.matches("[data-select-none]")) setTimeout(() => tellSelection(target.form));
    else if (target.matches("[data-close-dialog]") && target.closest("dialog")) {
      event.preventDefault();
      closeDialog(target.closest("dialog"));
    } else if (target.matches("[data-retry]")) {
      const path = failed?.requestConfig?.path;
      if (path && failed.requestConfig.verb === "get") htmx.ajax("GET", path, { source: failed.elt, target: failed.target, swap: failed.elt.getAttribute("hx-swap") ?? "innerHTML" });
      else window.location.reload();
    }
  });

  // Menus in tables: the table scrolls and would cut them, so they are laid over the window.
  const overlaid = ".table-wrap details.menu[open], .card details.menu[open]";
  document.addEventListener("toggle", ({ target }) => {
    if (!(target instanceof Element) || !target.matches(overlaid)) return;
    const items = one(".items", target);
    const box = one("summary", target).getBoundingClientRect();
    const upward = box.bottom + items.offsetHeight + 8 > window.innerHeight && box.top > items.offsetHeight;
    const left = target.matches(".start") ? box.left : Math.max(8, box.right - items.offsetWidth);
    Object.assign(items.style, { position: "fixed", inset: "auto", left: `${left}px`, top: `${upward ? box.top - items.offsetHeight - 4 : box.bottom + 4}px` });
  }, true);
  window.addEventListener("scroll", ({ target }) => {
    if (!target.closest?.("details.menu")) for (const menu of all(overlaid)) menu.open = false;
  }, { capture: true, passive: true });

  // Changes
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-autosubmit]")) target.form.requestSubmit();
    if (target.matches("[data-select-all]")) all("input[data-select]", target.form ?? target.closest("table")).forEach((box) => (box.checked = target.checked));
    if (target.matches("[data-select-all], [data-select], [data-select-matching]") && target.form) tellSelection(target.form);
  });
  document.addEventListener("input", ({ target }) => {
    const form = target.form;
    if (form?.matches("[data-guard]")) dirty.add(form);
    if (target.matches("[data-rules]")) tellRules(target);
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.hasAttribute("hx-post")) dirty.delete(form);
    if (!form.matches("[data-theme-form]") || !event.submitter) {
      if (!form.hasAttribute("hx-post") && form.method === "post") setTimeout(() => busy(form, true));
      return;
    }
    event.preventDefault();
    const body = new FormData(form, event.submitter);
    const chosen = body.get("theme");
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-CSRFToken": csrf() }, redirect: "manual" }).catch(() => null);
    if (!answer || answer.status >= 400) return showToast({ kind: "error", text: "The theme could not be kept." });
    if (chosen) root.dataset.theme = chosen;
    else delete root.dataset.theme;
    one('meta[name="color-scheme"]').content = chosen || "light dark";
    all("button", form).forEach((button) => button.setAttribute("aria-pressed", String(button.value === chosen)));
  });
  window.addEventListener("pageshow", ({ persisted }) => persisted && all("[aria-busy=true]:not(progress)").forEach((part) => part.removeAttribute("aria-busy")));

  // The password rules tick while typing: <input data-rules="#list"> and <li data-rule="length|digit|symbol">.
  const rules = { length: (text) => [...text].length >= 12, digit: (text) => /\d/.test(text), symbol: (text) => /[^\p{L}\p{N}\s]/u.test(text) };
  const tellRules = (input) => {
    for (const rule of all("[data-rule]", one(input.dataset.rules))) rule.classList.toggle("met", rules[rule.dataset.rule](input.value));
  };

  // Keyboard
  let leader = 0;
  const visit = (link) => link && (link.matches("a") || link.matches("button")) && link.click();
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select, [contenteditable], .ace_editor");
    const menu = event.target.closest("details.menu[open], details.rail-user[open]");
    if (event.key === "Escape" && menu) {
      menu.open = false;
      one("summary", menu).focus();
    }
    if ((event.ctrlKey || event.metaKey) && event.target.closest("form:has([data-editor])")) {
      const action = { Enter: "[data-shortcut=run]", s: "[data-shortcut=save]" }[event.key];
      const button = action && one(action, event.target.closest("form"));
      if (button) {
        event.preventDefault();
        visit(button);
      }
      return;
    }
    if (field || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]") || document.body.dataset.shortcuts !== "on") return;
    if (Date.now() - leader < 1200) {
      leader = 0;
      visit(one(`[data-go="${CSS.escape(event.key)}"]`));
    } else if (event.key === "g") leader = Date.now();
    else if (event.key === "n") visit(one('[data-shortcut="n"]'));
    else if (event.key === "?") one("#shortcuts")?.showModal();
    else if (event.key === "/" && one("[data-search]")) {
      event.preventDefault();
      one("[data-search]").select();
    }
  });

  // The session's end is told two minutes ahead. It comes a fixed time after the sign-in, whatever is done meanwhile.
  const ends = Date.now() + Number(document.body.dataset.sessionSeconds || Infinity) * 1000;
  const ending = setInterval(() => {
    const left = ends - Date.now();
    if (left > 120000) return;
    clearInterval(ending);
    const when = left > 0 ? `You will be signed out ${phrase.format(Math.ceil(left / 60000), "minute")}.` : "Your session is over.";
    showToast({ kind: "warning", text: `${when} Save what you are doing, then sign in again.` });
  }, 15000);

  window.addEventListener("offline", () => (one("#netloss").hidden = false));
  window.addEventListener("online", () => (one("#netloss").hidden = true));
  all(".toast").forEach(retire);
  tellTimes();
  keepTyped(document);
  all("form:has([data-select])").forEach(tellSelection);
  one("main [data-focus]")?.focus();
})();
