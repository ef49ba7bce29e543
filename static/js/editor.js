// Turns the textarea of sql_editor() into ace. The textarea stays the form's field; no script or touch: it stays as it is.
(() => {
  "use strict";
  const addresses = document.currentScript.dataset;
  // <button data-insert="text"> puts a word at the cursor; data-replace replaces everything.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert], [data-replace]");
    const box = button && document.querySelector("[data-editor]");
    if (!box) return;
    const editor = box.querySelector(".ace_editor")?.env?.editor;
    const { insert, replace } = button.dataset;
    if (editor) {
      if (replace !== undefined) editor.setValue(replace, 1);
      else editor.insert(insert);
      editor.focus();
    } else {
      const field = box.querySelector("textarea");
      if (replace !== undefined) field.value = replace;
      else {
        const end = field.selectionEnd || field.value.length; // nothing was touched yet: at the end
        field.setRangeText(insert, field.selectionEnd ? field.selectionStart : end, end, "end");
      }
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    }
  });
  const coarse = window.matchMedia("(pointer: coarse), (max-width: 699px)").matches;
  if (coarse || !document.querySelector("[data-editor]")) return;
  const loaded = (node) => new Promise((done, failed) => {
    node.addEventListener("load", done);
    node.addEventListener("error", failed);
    document.head.append(node);
  });
  const words = new Map();

  async function completions(url) {
    if (!words.has(url)) {
      words.set(url, fetch(url, { headers: { "X-Background": "1" } }).then((answer) => (answer.ok ? answer.json() : {})).catch(() => ({})));
    }
    return words.get(url);
  }

  // Tables everywhere; columns of the tables that the text names.
  const completer = (url) => ({
    getCompletions(editor, session, position, prefix, done) {
      completions(url).then((tables) => {
        const text = session.getValue().toLowerCase();
        const found = [];
        for (const [table, columns] of Object.entries(tables)) {
          found.push({ value: table, meta: "table", score: 500 });
          if (new RegExp(`\\b${table}\\b`).test(text)) for (const column of columns) found.push({ value: column, meta: table, score: 900 });
        }
        done(null, found);
      });
    },
  });
  const keywords = "select from where and or not in like glob between is null as distinct count sum avg min max group by order having limit offset join left inner cross using on union all case when then else end cast with recursive exists asc desc".split(" ");
  const sqlWords = { getCompletions: (editor, session, position, prefix, done) => done(null, keywords.map((value) => ({ value, meta: "sql", score: 100 }))) };

  function enhance(box) {
    const field = box.querySelector("textarea");
    if (!field || box.querySelector(".ace_editor")) return;
    const place = document.createElement("div");
    box.append(place);
    const editor = ace.edit(place, {
      mode: `ace/mode/${box.dataset.editor}`, value: field.value, readOnly: field.readOnly, useWorker: false, fontSize: 13, tabSize: 2, useSoftTabs: true,
      minLines: Number(field.rows) || 9, maxLines: 30, showPrintMargin: false, highlightActiveLine: !field.readOnly, wrap: true, showFoldWidgets: false, enableKeyboardAccessibility: false,
      enableBasicAutocompletion: box.dataset.editor === "sql", enableLiveAutocompletion: box.dataset.editor === "sql" && Boolean(box.dataset.words), enableSnippets: false,
    });
    editor.container.classList.add("ace-fleet");
    editor.completers = box.dataset.words ? [completer(box.dataset.words), sqlWords] : [sqlWords];
    const input = editor.textInput.getElement();
    const label = document.querySelector(`label[for="${field.id}"]`);
    input.setAttribute("aria-label", `${label?.textContent ?? "Code"}. Press Escape, then Tab, to leave the editor.`);
    for (const name of ["aria-describedby", "aria-invalid"]) if (field.hasAttribute(name)) input.setAttribute(name, field.getAttribute(name));
    const led = [label, ...document.querySelectorAll(`a[href="#${field.id}"]`)]; // the field is hidden: go to the editor
    for (const link of led) link?.addEventListener("click", (event) => {
      event.preventDefault();
      editor.focus();
    });
    const typing = document.activeElement === field; // somebody was faster than the editor
    const { selectionStart } = field;
    field.hidden = true;
    editor.commands.removeCommands(["find", "replace"]); // left to the browser
    if (typing) {
      editor.focus();
      editor.moveCursorToPosition(editor.session.doc.indexToPosition(selectionStart));
    }

    // Tab indents only after the first edit, so passing through by keyboard is never trapped.
    let indents = false;
    let own = false;
    const tabs = () => ["indent", "outdent"].forEach((name) => {
      const command = editor.commands.commands[name];
      editor.commands.bindKey(name === "indent" ? "Tab" : "Shift-Tab", indents ? command : null);
    });
    tabs();
    editor.commands.addCommand({ name: "leave", bindKey: "Esc", exec: () => { indents = false; tabs(); } });
    editor.session.on("change", () => {
      if (!indents && editor.isFocused()) {
        indents = true;
        tabs();
      }
      own = true;
      field.value = editor.getValue();
      field.dispatchEvent(new Event("input", { bubbles: true }));
      own = false;
    });
    field.addEventListener("input", () => {
      if (!own && field.value !== editor.getValue()) editor.setValue(field.value, 1);
    });
    field.addEventListener("focus", () => editor.focus());
    field.form?.addEventListener("reset", () => setTimeout(() => editor.setValue(field.value, 1)));
  }

  const start = (within) => within.querySelectorAll("[data-editor]").forEach(enhance);
  Promise.all([
    loaded(Object.assign(document.createElement("link"), { rel: "stylesheet", href: addresses.style })),
    loaded(Object.assign(document.createElement("script"), { src: addresses.ace })),
  ]).then(() => {
    ace.config.set("useStrictCSP", true);
    ace.config.set("loadWorkerFromBlob", false);
    start(document);
    document.addEventListener("htmx:load", ({ detail }) => start(detail.elt));
  }, () => {}); // what cannot be fetched leaves the textarea
})();
