// What the company's documents say to this profile, until when, and why one was refused.
import { fill, h } from "tulou/dom";

export default class CompanyPage extends HTMLElement {
  #end = null;
  #tulou = null;
  #fault = "";
  #state = null;

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
    this.#end = this.#tulou.listen("company.state", {}, (state) => {
      this.#state = state;
      this.#draw();
    });
  }

  #t(key) {
    return this.#tulou.text(`company.${key}`);
  }

  #draw() {
    const state = this.#state;
    fill(this, h("div", { class: "company-page",
      style: "display: grid; gap: var(--space-4); padding: var(--space-4); max-width: 60rem" },
      state.configured ? this.#held(state) : h("p", { class: "company-none" }, this.#t("none"))));
  }

  #held(state) {
    const look = h("button", { class: "button company-look", type: "button", onclick: () => this.#look() },
      this.#t("look"));
    return [
      h("p", {}, this.#t("intro")),
      h("p", { class: "company-where" }, `${this.#t("service")}: ${state.url || this.#t("unknown")}`),
      h("p", { class: "company-asked" },
        `${this.#t("asked")}: ${state.asked_at ? time(state.asked_at) : this.#t("never")}`),
      (this.#fault || state.trouble)
        && h("p", { class: "company-trouble", role: "alert" }, this.#fault || state.trouble),
      h("div", {}, look),
      state.documents.length ? this.#table(state.documents) : h("p", {}, this.#t("empty")),
      state.refusals.length > 0 && h("h2", {}, this.#t("refused")),
      state.refusals.length > 0 && h("ul", { class: "company-refusals" },
        state.refusals.map((each) => h("li", {}, `${time(each.at)} – ${each.why}`))),
    ];
  }

  #table(documents) {
    const cell = "padding: var(--space-1) var(--space-2); text-align: start; vertical-align: top";
    const heads = ["kind", "version", "whose", "until"].map((key) =>
      h("th", { scope: "col", style: cell }, this.#t(key)));
    const rows = documents.map((each) => h("tr", { style: "border-top: 1px solid var(--line-soft)" },
      [each.kind, String(each.version), each.account || this.#t("everybody"), this.#until(each)].map(
        (text) => h("td", { style: cell }, text))));
    return h("table", { class: "company-documents", style: "border-collapse: collapse; width: 100%" },
      h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows));
  }

  #until(each) {
    if (each.withdrawn) return this.#t("withdrawn");
    return each.over ? `${this.#t("over")} ${time(each.valid_until)}` : time(each.valid_until);
  }

  async #look() {
    try {
      await this.#tulou.call("company.look", {});
      this.#fault = "";
    } catch (error) {
      this.#fault = error.message;
    }
    if (this.isConnected && this.#state) this.#draw();
  }
}

function time(microseconds) {
  return new Date(microseconds / 1000).toLocaleString();
}
