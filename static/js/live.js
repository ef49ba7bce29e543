// A live query as it runs: the socket, the progress, and what fills the tables of grid.js.
// Whatever hosts say goes into the page as text, never as markup.
(() => {
  "use strict";
  const run = document.querySelector("#run");
  if (!run) return;
  const { Grid, inSlices, one, all, say, number, many, CHUNK } = window.fleetGrid;

  function showCell(cell) {
    const box = one("[data-cell]", run);
    const column = cell.closest("table").tHead.rows[0].querySelectorAll("th:not([hidden])")[cell.cellIndex].textContent;
    say(one("p", box), `${column} · ${cell.parentElement.cells[0].textContent}`);
    say(one("pre", box), cell.textContent);
    one("[data-copy]", box).dataset.copy = cell.textContent;
    box.hidden = false;
  }

  // Painting: once per frame, and only what is seen.
  const grid = (id, empty) => new Grid(one(`#${id}`), { empty, paint, showCell, name: `live-query-${run.dataset.campaign}` });
  const grids = {
    results: grid("results", () => (state.over ? "No host has answered with a row." : "Rows appear here as hosts answer.")),
    errors: grid("errors", () => "No host has reported an error."),
    silent: grid("silent", () => "Every host that was asked has answered."),
  };
  const state = { began: Date.now(), ended: 0, over: false, stopped: false, paused: false, finished: false, renewed: false, open: false, tab: "results", totals: {}, versions: null, answered: new Set(), rowHosts: 0, numbers: 0, hosts: null };
  let scheduled = false;
  function paint() {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      if (!state.paused || state.over) grids[state.tab].draw();
      tell();
    });
  }

  function tell() {
    const { count = 0, online = 0 } = state.totals;
    const answered = state.answered.size;
    const bar = one("progress", run);
    bar.hidden = !online || !state.open;
    bar.max = Math.max(online, answered, 1);
    bar.value = answered;
    const word = state.over ? (state.stopped ? "Stopped" : "Ended") : state.finished ? "Finished" : "Running";
    const of = answered > online ? `${number(answered)} of ${many(count, "host")} responded` : `${number(answered)} of ${many(online, "online host")} responded`;
    if (state.open) say(one("[data-said]", run), online || answered ? `${word}: ${of}` : `${word}: no host is online. Answers appear if one calls.`);
    for (const node of all("[data-total]", run)) if (state.open) say(node, number(state.totals[node.dataset.total] ?? 0));
    const errors = grids.errors.rows.length + grids.errors.dropped;
    say(one("[data-errors]", run), number(errors));
    const rows = grids.results.rows.length + grids.results.dropped;
    say(one("#results-tab .badge"), rows ? `${number(rows)} from ${many(state.rowHosts, "host")}` : "0");
    say(one("#errors-tab .badge"), number(errors));
    one("#errors-tab .badge").classList.toggle("bad", errors > 0);
    const silent = Math.max(0, count - answered);
    say(one("#silent-tab .badge"), number(silent));
    one("#stop").classList.toggle("destructive", !state.finished);
    const again = one("#silent-run");
    again.hidden = !silent || !answered || !(state.finished || state.over);
    say(one("button span", again), `Run on the ${many(silent, "host")} that did not answer`);
  }

  setInterval(() => {
    for (const table of Object.values(grids)) table.merge();
  }, 250);
  setInterval(() => {
    const seconds = Math.floor(((state.ended || Date.now()) - state.began) / 1000);
    say(one("[data-elapsed]", run), `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  }, 1000);
  setInterval(() => say(one("[data-status]", run), one("[data-said]", run).textContent), 5000);

  // Results: taken in slices, so that a flood does not stop the page.
  const incoming = [];
  let taking = null;
  function* take() {
    while (incoming.length) {
      const { host, rows, error } = incoming.shift();
      const name = host.display_name || host.hostname || `Host ${host.id}`;
      const known = state.answered.has(host.id);
      state.answered.add(host.id);
      if (rows.length && !known) state.rowHosts += 1;
      const line = (cells) => ({ host: name, id: host.id, cells, late: state.finished, number: state.numbers++ });
      for (let at = 0; at < rows.length; at += CHUNK) {
        const some = rows.slice(at, at + CHUNK);
        for (const cells of some) for (const column in cells) if (column !== "host_hostname" && column !== "host_display_name" && !columns.has(column)) {
          columns.add(column);
          grids.results.addColumn(column);
        }
        grids.results.add(some.map(line));
        yield;
      }
      if (error) {
        grids.errors.add([line({ Message: error, osquery: state.versions?.get(host.id) ?? "" })]);
        if (!state.versions) nameVersions();
      }
      yield;
    }
  }
  const columns = new Set();
  function receive(result) {
    incoming.push(result);
    taking ??= inSlices(take(), () => {
      taking = null;
      if (incoming.length) receive(incoming.shift());
      if (state.tab === "silent") listSilent();
      paint();
    });
    paint();
  }

  // All hosts of the run: asked for once, when somebody wants to know who is silent.
  const hosts = () => (state.hosts ??= fetch(run.dataset.hosts, { headers: { "X-Background": "1" } }).then((answer) => answer.json()).then((answer) => answer.hosts).catch(() => ((state.hosts = null), [])));
  async function listSilent() {
    const silent = (await hosts()).filter(([id]) => !state.answered.has(id));
    const table = grids.silent;
    table.rows = silent.map(([id, host, online, osquery], at) => ({ host, id, cells: { Status: online ? "online" : "offline", osquery }, number: at }));
    table.rebuild();
    return silent;
  }
  async function nameVersions() {
    const known = await hosts();
    if (state.versions || !known.length) return;
    state.versions = new Map(known.map(([id, , , osquery]) => [id, osquery]));
    for (const row of grids.errors.rows) row.cells.osquery = state.versions.get(row.id) ?? "";
    grids.errors.drawn = [];
    paint();
  }

  // The socket
  let socket;
  const notice = (text) => {
    const box = one("[data-notice]", run);
    say(one("p", box), text);
    box.hidden = false;
  };
  function connect(ticket) {
    const address = new URL(run.dataset.socket, window.location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(address);
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "auth", data: { token: ticket } }));
      socket.send(JSON.stringify({ type: "select_campaign", data: { campaign_id: Number(run.dataset.campaign) } }));
    });
    socket.addEventListener("message", ({ data }) => hear(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => closed(code));
  }
  const hear = ({ type, data }) => {
    if (type === "totals") state.totals = data;
    else if (type === "status") state.finished = data.status === "finished";
    else if (type === "result") return receive(data);
    else if (type === "error") return failed(data);
    state.open = true;
    paint();
  };
  const NONE = Symbol("none");
  let failure = NONE;
  const failed = (reason) => {
    failure = reason;
    if (!stale()) notice(`The server says: ${reason}.`);
  };
  // A page that was opened long before its script ran: once, a new ticket is fetched.
  const stale = () => failure === "unauthorized" && !state.open && !state.renewed;
  async function closed(code) {
    if (stale()) {
      state.renewed = true;
      const token = one('meta[name="csrf-token"]').content;
      const answer = await fetch(run.dataset.renew, { method: "POST", headers: { "X-CSRFToken": token } }).catch(() => null);
      if (answer?.ok) {
        failure = NONE;
        return connect((await answer.json()).ticket);
      }
      notice("You may not watch this run any more. Sign in and run it again.");
    }
    state.over = true;
    state.ended = Date.now();
    if (code === 4401) notice("You were signed out, which ended the run. The rows stay until you leave this page.");
    else if (!state.stopped && failure === NONE) notice(state.open ? "The connection was lost, which ended the run. The rows stay until you leave this page." : "The connection could not be made.");
    for (const button of [one("#stop"), one("#pause")]) button.hidden = true;
    if (!state.open) say(one("[data-said]", run), "Not connected");
    paint();
  }
  connect(run.dataset.ticket);

  // Buttons and tabs
  one("#stop").addEventListener("click", () => {
    state.stopped = true;
    socket.close(1000);
  });
  one("#pause").addEventListener("click", ({ currentTarget }) => {
    state.paused = !state.paused;
    currentTarget.ariaPressed = String(state.paused);
    say(one("span", currentTarget), state.paused ? "Go on" : "Pause the table");
    paint();
  });
  one("#silent-run").addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.elements.host_ids.value) return;
    event.preventDefault();
    form.elements.host_ids.value = (await listSilent()).map(([id]) => id).join(",");
    if (form.elements.host_ids.value) form.requestSubmit();
  });
  const tabs = all("[role=tab]", run);
  const show = (tab) => {
    state.tab = tab.id.replace("-tab", "");
    for (const each of tabs) {
      each.ariaSelected = String(each === tab);
      each.tabIndex = each === tab ? 0 : -1;
      one(`#${each.getAttribute("aria-controls")}`).hidden = each !== tab;
    }
    if (state.tab === "silent") listSilent();
    grids[state.tab].draw();
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => show(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const next = tabs[(tabs.indexOf(tab) + { ArrowRight: 1, ArrowLeft: tabs.length - 1 }[key]) % tabs.length];
      if (!next) return;
      next.focus();
      show(next);
    });
  }
  grids.results.draw();
})();
