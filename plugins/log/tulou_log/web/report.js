// A report: choose a time, see exactly what would leave, agree or not.
import { fill, h } from "tulou/dom";
import { button, choice, fault, LEVELS, trying } from "./parts.js";

const HOUR = 3600e6; // microseconds
const RANGES = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR };
const LOOK = 400; // ms between looks at how far the sending is

export class Report {
  #tulou;
  #request;
  #asked = null; // the request as the server put it
  #fault = fault();
  #note = h("div", { hidden: true });
  #range;
  #level;
  #result = h("div", { class: "card-stack" });

  constructor(tulou, parameters) {
    this.#tulou = tulou;
    this.#request = parameters.request ?? "";
    const t = tulou.text;
    const ranges = ["hour", "day", "week", "all"].map((each) => [each, t(`log.${each}`)]);
    if (this.#request) ranges.unshift(["asked", t("log.asked")]);
    const [range, rangeSelect] = choice(t("log.range"), "range", ranges, this.#request ? "asked" : "hour");
    const [level, levelSelect] = choice(t("log.level"), "report-level", LEVELS.map((each) => [each, t(`log.${each}`)]), "debug");
    [this.#range, this.#level] = [rangeSelect, levelSelect];
    this.element = h("section", { class: "log-report card stack" }, this.#note,
      h("div", { class: "log-form field-grid" }, range, level, button(t("log.preview"), () => this.#preview(), "preview", true)),
      this.#fault, this.#result);
  }

  async start() {
    const state = await trying(this.#fault, () => this.#tulou.call("log.state"));
    this.#asked = state?.requests.find((each) => each.id === this.#request) ?? null;
    const t = this.#tulou.text;
    fill(this.#note, this.#asked && h("div", { class: "log-note note", role: "status" },
      h("p", {}, t(this.#asked.id === "crash" ? "log.crashed" : "log.requested")),
      this.#asked.reason && h("p", {}, t("log.reason"), this.#asked.reason),
      h("div", {}, button(t("log.refuse"), () => this.#refuse(), "refuse"))));
    this.#note.hidden = this.#asked === null;
  }

  close() {}

  #times() {
    const range = this.#range.value;
    if (range === "asked") return { since: this.#asked?.since ?? 0, until: this.#asked?.until ?? null };
    return RANGES[range] ? { since: Math.round(Date.now() * 1000 - RANGES[range]) } : {};
  }

  async #preview() {
    fill(this.#result);
    const made = await trying(this.#fault, () => this.#tulou.call("log.preview", { ...this.#times(), level: this.#level.value }));
    if (!made) return;
    const t = this.#tulou.text;
    const text = h("pre", { class: "log-preview raw", tabindex: "0" }, made.text);
    let shown = made.text.length;
    const more = button(t("log.more"), async () => {
      const next = await trying(this.#fault, () => this.#tulou.call("log.more", { id: made.id, start: shown }));
      text.append(next ?? "");
      shown += next?.length ?? 0;
      more.hidden = shown >= made.length || !next;
    }, "more");
    more.hidden = shown >= made.length;
    const send = button(t("log.send"), () => this.#send(made, send), "send", true);
    fill(this.#result, h("p", { class: "card-intro" }, t("log.explain")),
      h("p", { class: "log-size card-sub" }, `${made.lines} ${t("log.lines")}, ${made.size} ${t("log.bytes")}`), text,
      h("div", { class: "card-actions" }, more, send));
  }

  async #send(made, send) {
    const t = this.#tulou.text;
    const bar = h("progress", { class: "gauge", max: String(made.size), value: 0, "aria-label": t("log.sending") });
    send.disabled = true;
    send.parentElement.after(bar);
    const timer = setInterval(async () => {
      const far = await this.#tulou.call("log.progress", { id: made.id }).catch(() => null);
      if (far) bar.value = far[0];
    }, LOOK);
    const sent = await trying(this.#fault, () => this.#tulou.call("log.send", { id: made.id, consent: true, request: this.#request }));
    clearInterval(timer);
    bar.remove();
    send.disabled = false;
    if (sent) {
      this.#note.hidden = true;
      fill(this.#result, h("p", { class: "log-sent note", role: "status" }, t("log.sent")));
    }
  }

  async #refuse() {
    await trying(this.#fault, () => this.#tulou.call("log.dismiss", { request: this.#request }));
    this.#note.hidden = true;
    fill(this.#result);
  }
}
