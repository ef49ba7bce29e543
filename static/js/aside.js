// What was typed into a form and not saved waits in this tab: while a live query is prepared and watched, while somebody
// signs in again, and when the form was out of date. It is there again for whoever comes back; any other page forgets it.
(() => {
  "use strict";
  const KEY = "aside";
  const touched = new WeakSet(); // forms in which something was typed
  document.addEventListener("input", ({ target }) => target.form?.matches("[data-guard]") && touched.add(target.form));
  // Beside what people see: which version it is that they change.
  const typed = (form) => [...form.elements].filter((field) => field.matches("input[name]:not([type=hidden], [type=password]), select, textarea[name], [name=updated_at]"));
  const keep = (aside) => sessionStorage.setItem(KEY, JSON.stringify(aside));

  document.addEventListener("submit", ({ target, submitter }) => {
    const refused = target.querySelector('[role="alert"]');
    if (!target.matches("[data-guard]:not([hx-post])") || !(refused || touched.has(target))) return;
    const fields = typed(target).map(({ name, value, checked }) => ({ name, value, checked }));
    keep({ address: window.location.href, fields, asks: Boolean(submitter?.hasAttribute("formaction")) });
  });

  window.addEventListener("pageshow", ({ persisted }) => {
    const aside = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    if (!aside.address) return;
    if (document.querySelector("[data-not-taken]")) return keep({ ...aside, lost: true });
    if (aside.asks && /\/live(\/|$)/.test(window.location.pathname)) {
      const back = document.querySelector("a.back");
      if (back) Object.assign(back, { href: aside.address }).lastChild.textContent = "Back to the query";
      return;
    }
    sessionStorage.removeItem(KEY);
    const form = document.querySelector("form[data-guard]");
    if (persisted || !form || aside.address !== window.location.href || !(aside.asks || aside.lost)) return;
    for (const field of typed(form)) {
      const box = ["checkbox", "radio"].includes(field.type);
      const kept = aside.fields.find(({ name, value }) => name === field.name && (!box || value === field.value));
      if (!kept) continue;
      Object.assign(field, box ? { checked: kept.checked } : { value: kept.value });
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
})();
