// What is counted, what of it would leave, and the person's say in it.
import { fill, h } from "tulou/dom";

const CHOICES = ["off", "anonymous", "full"];

export default class TrackingPage extends HTMLElement {
  #end = null;
  #tulou = null;
  #state = null;
  #lines = [];
  #table = {};
  #fault = "";
  #generation = 0;

  set parameters(_) {}

  set tulou(tulou) {
    this.#tulou = tulou;
    if (this.isConnected) this.#begin();
  }

  connectedCallback() {
    if (this.#tulou) this.#begin();
  }

  disconnectedCallback() {
    this.#end?.();
    this.#end = null;
  }

  #begin() {
    this.#end?.();
    this.#frame();
    this.#end = this.#tulou.listen("tracking.state", {}, (state) => {
      this.#state = state;
      this.#draw();
      this.#look();
    });
    this.#do(async () => {
      this.#table = await this.#tulou.call("tracking.table", {});
      this.#drawTable();
    });
  }

  #t(key, values = {}) {
    const text = this.#tulou.text(key);
    return Object.entries(values).reduce((all, [name, value]) => all.replace(`{${name}}`, String(value)), text);
  }

  // What stands for good; `#draw` changes only what is inside, so that focus and scrolling survive.
  #frame() {
    const t = (key) => this.#t(key);
    this.parts = {
      fault: h("p", { class: "tracking-fault form-error", role: "alert", hidden: true }),
      note: h("p", { class: "tracking-note note", hidden: true }),
      choices: h("div", { class: "tracking-choices options", role: "radiogroup", "aria-label": t("tracking.consent") }),
      where: h("p", { class: "tracking-where card-sub" }),
      held: h("p", { class: "tracking-held card-sub" }),
      lines: h("pre", { class: "tracking-lines raw", tabindex: "0" }),
      send: h("button", { class: "button primary tracking-send", type: "button", onclick: () => this.#act("tracking.report") },
        t("tracking.send")),
      empty: h("button", { class: "button danger tracking-empty", type: "button",
        onclick: () => this.#act("tracking.empty") }, t("tracking.empty")),
      counts: h("div", { class: "tracking-counts" }),
      problems: h("ul", { class: "tracking-problems card-sub" }),
      table: h("div", { class: "tracking-table" }),
    };
    const p = this.parts;
    this.radios = CHOICES.map((choice) => h("input", {
      type: "radio", name: "tracking-consent", value: choice, onchange: () => this.#choose(choice) }));
    fill(p.choices, CHOICES.map((choice, index) => h("label", { class: "option" }, this.radios[index],
      h("span", {}, h("span", { class: "option-title" }, t(`tracking.${choice}`)),
        h("span", { class: "option-hint" }, t(`tracking.${choice}-hint`))))));
    this.classList.add("tracking-page", "card-page", "wide");
    fill(this, p.fault,
      h("article", { class: "card stack" }, h("p", { class: "card-intro" }, t("tracking.intro")), p.note, p.choices, p.where),
      h("article", { class: "card stack" }, h("h2", {}, t("tracking.next")), p.held, p.lines,
        h("div", { class: "card-actions" }, p.send, p.empty)),
      h("article", { class: "card stack" }, h("h2", {}, t("tracking.counts")), p.counts, p.problems,
        h("details", { class: "disclosure" }, h("summary", {}, t("tracking.table")), p.table)));
  }

  #draw() {
    const state = this.#state;
    const p = this.parts;
    p.fault.hidden = !this.#fault;
    p.fault.textContent = this.#fault;
    const note = state.doNotTrack ? "tracking.do-not-track" : state.chosen === null ? "tracking.default" : "";
    p.note.hidden = !note;
    p.note.textContent = note && this.#t(note);
    for (const radio of this.radios) {
      radio.checked = radio.value === (state.doNotTrack ? "off" : state.consent);
      radio.disabled = state.doNotTrack;
    }
    p.where.textContent = state.destination
      ? `${this.#t("tracking.destination")}: ${state.destination}` : this.#t("tracking.nowhere");
    p.held.textContent = state.held
      ? this.#t("tracking.held", { count: state.held, size: state.heldBytes }) : this.#t("tracking.nothing");
    p.lines.hidden = this.#lines.length === 0;
    p.lines.textContent = this.#lines.join("\n");
    p.send.disabled = !state.held || !state.destination;
    p.empty.disabled = !state.held;
    p.problems.hidden = state.problems.length === 0;
    fill(p.problems, state.problems.map((problem) => h("li", {}, problem)));
    this.#drawCounts();
  }

  #drawCounts() {
    const rows = Object.entries(this.#state.sent).map(([name, count]) => [this.#t("tracking.sent"), name, count]);
    for (const [why, names] of Object.entries(this.#state.dropped)) {
      const [word, status] = why.split(/-(?=\d)/);
      const reason = this.#t(`tracking.why-${word}`) + (status ? ` (${status})` : "");
      for (const [name, count] of Object.entries(names)) {
        rows.push([`${this.#t("tracking.dropped")}: ${reason}`, name, count]);
      }
    }
    fill(this.parts.counts, rows.length > 0
      ? table([this.#t("tracking.why"), this.#t("tracking.event"), this.#t("tracking.count")], rows)
      : h("p", { class: "nothing" }, this.#t("tracking.uncounted")));
  }

  #drawTable() {
    const rows = Object.entries(this.#table).map(([name, row]) => [
      h("span", {}, h("code", {}, name), row.about && h("br"), row.about),
      Object.entries(row.fields).map(([field, each]) =>
        `${field} (${each.type}, ${this.#t(`tracking.${each.personal}`)})`).join(", ") || "–",
      `${Math.round(row.sample * 1000) / 10} %`,
      row.owner,
    ]);
    fill(this.parts.table, table(["event", "fields", "sample", "owner"].map((each) => this.#t(`tracking.${each}`)),
      rows, 2));
  }

  // The lines of the next report; an answer that a newer one has overtaken is not shown.
  #look() {
    const generation = ++this.#generation;
    this.#do(async () => {
      const lines = await this.#tulou.call("tracking.preview", {});
      if (generation !== this.#generation) return;
      this.#lines = lines;
      this.#draw();
    });
  }

  #choose(consent) {
    this.#do(async () => {
      this.#state = await this.#tulou.call("tracking.consent", { consent });
    }, true);
  }

  #act(method) {
    this.#do(() => this.#tulou.call(method, {}), true);
  }

  async #do(work, told = false) {
    try {
      await work();
      if (told) this.#fault = "";
    } catch (error) {
      this.#fault = error.message;
    }
    if (this.#state && this.isConnected) {
      this.#draw();
      if (told) this.#look();
    }
  }
}

/** The last `short` columns are words that are not to be broken. */
function table(heads, rows, short = 0) {
  return h("table", { class: "table" },
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, index) =>
      h("td", { "data-label": heads[index], class: index >= heads.length - short && "short" }, typeof cell === "object" ? cell : String(cell)))))));
}
