// The wizard: one step at a time. Each is checked by the server; without script all four stand below each other.
(() => {
  "use strict";
  const form = document.getElementById("setup-form");
  const step = (number) => form.querySelector(`[data-setup-step="${number}"]`);
  const marks = [...document.querySelectorAll("#setup-steps li")];
  let current = 1;

  function review() {
    for (const shown of document.querySelectorAll("#setup-review [data-of]")) {
      shown.textContent = shown.dataset.of.split(" ").map((name) => form.elements[name].value.trim()).filter(Boolean).join(", ") || "—";
    }
  }
  function show(number, focus = true) {
    current = Math.min(Math.max(number, 1), marks.length);
    for (const part of form.querySelectorAll("[data-setup-step]")) part.hidden = Number(part.dataset.setupStep) !== current;
    marks.forEach((mark, index) => {
      mark.classList.toggle("done", index + 1 < current);
      if (index + 1 === current) mark.setAttribute("aria-current", "step");
      else mark.removeAttribute("aria-current");
    });
    if (current === marks.length) review();
    if (focus) (step(current).querySelector("[aria-invalid]") ?? step(current).querySelector("input, button[type=submit]"))?.focus();
  }

  document.body.addEventListener("setup-step", ({ detail }) => show(Number(detail.value ?? detail)));
  document.addEventListener("htmx:afterSwap", () => show(current));
  form.addEventListener("click", ({ target }) => target.closest("[data-setup-back]") && show(current - 1));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT" || current === marks.length) return;
    event.preventDefault();
    step(current).querySelector("[data-setup-next]").click();
  });

  const wrong = form.querySelector("[aria-invalid]");
  show(wrong ? Number(wrong.closest("[data-setup-step]").dataset.setupStep) : 1, Boolean(wrong));
})();
