// The page of the logs: lines as they come, how much modules tell, and reports that a person sees first.
import { fill, h } from "tulou/dom";
import { Levels } from "./levels.js";
import { Live } from "./live.js";
import { Report } from "./report.js";
import { sheet } from "./style.js";

const PARTS = [["live", Live], ["levels", Levels], ["report", Report]];

export default class LogPage extends HTMLElement {
  #shown = "live";
  #parameters = {};
  #part = null;

  set parameters(parameters) {
    this.#parameters = parameters ?? {};
    if (this.#parameters.request) this.#shown = "report";
    if (this.isConnected) this.#show();
  }

  connectedCallback() {
    if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets.push(sheet);
    this.classList.add("log-page", "card-page", "wide");
    this.#show();
  }

  disconnectedCallback() {
    this.#part?.close();
    this.#part = null;
  }

  async #show() {
    this.#part?.close();
    const Part = PARTS.find(([name]) => name === this.#shown)[1];
    const part = (this.#part = new Part(this.tulou, this.#parameters));
    const tabs = PARTS.map(([name]) => h("button", {
      type: "button", role: "tab", class: "segment log-tab", "aria-selected": String(name === this.#shown),
      dataset: { tab: name }, onclick: () => this.#choose(name),
    }, this.tulou.text(`log.${name}`)));
    fill(this, h("nav", { class: "segments log-tabs", role: "tablist" }, tabs), part.element);
    await part.start();
  }

  #choose(name) {
    this.#shown = name;
    this.#show();
  }
}
