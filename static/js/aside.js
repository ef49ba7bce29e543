// "Live query" leaves the editor without saving. What was typed waits in this tab while the run is prepared and
// watched, and is there again for whoever comes back; any other page forgets it.
(() => {
  "use strict";
  const KEY = "aside";
  const touched = new WeakSet(); // forms in which something was typed
  document.addEventListener("input", ({ target }) => target.form?.matches("[data-guard]") && touched.add(target.form));
  // Beside what people see: which version it is that they change.
  const typed = (form) => [...form.elements].filter((field) => field.matches("input[name]:not([type=hidden]), select, textarea[name], [name=updated_at]"));

  document.addEventListener("submit", ({ target, submitter }) => {
    const refused = target.matches("[data-guard]") && target.querySelector('[role="alert"]');
    if (!submitter?.hasAttribute("formaction") || !(refused || touched.has(target))) return;
    const fields = typed(target).map(({ name, value, checked }) => ({ name, value, checked }));
    sessionStorage.setItem(KEY, JSON.stringify({ address: window.location.href, fields }));
  });

  window.addEventListener("pageshow", ({ persisted }) => {
    const { address, fields } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    if (/\/live(\/|$)/.test(window.location.pathname)) {
      const back = document.querySelector("a.back");
      if (address && back) Object.assign(back, { href: address }).lastChild.textContent = "Back to the query";
      return;
    }
    sessionStorage.removeItem(KEY);
    const form = document.querySelector("form[data-guard]");
    if (persisted || !form || address !== window.location.href) return;
    for (const field of typed(form)) {
      const box = field.type === "checkbox";
      const kept = fields.find(({ name, value }) => name === field.name && (!box || value === field.value));
      if (!kept) continue;
      Object.assign(field, box ? { checked: kept.checked } : { value: kept.value });
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
})();
