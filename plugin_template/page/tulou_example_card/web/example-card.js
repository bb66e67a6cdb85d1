// The page. The host makes the element, sets `tulou` (the way to Python) and then `parameters`.
import { fill, h } from "tulou/dom";

export default class ExampleCardPage extends HTMLElement {
  #list = h("ul", { class: "plugin-lines" });
  #none = h("p", { class: "nothing" });
  #problem = h("p", { class: "form-error", role: "alert", hidden: true });
  #field = null;

  set parameters({ name = "" }) {                     // of the address; set again when they change
    if (this.#field !== null) {
      if (name) this.#field.value = name;
      return;
    }
    const { text } = this.tulou;
    this.classList.add("card-page");
    this.#none.textContent = text("example-card.none");
    this.#field = h("input", { name: "name", value: name, autocomplete: "off" });
    const field = h("label", { class: "field" }, h("span", { class: "field-label" }, text("example-card.name")), this.#field);
    const greet = h("button", { type: "submit", class: "button primary" }, text("example-card.greet"));
    fill(this,
      h("form", { class: "card stack", onsubmit: (event) => this.#greet(event) },
        field, this.#problem, h("div", { class: "card-actions" }, greet)),
      h("section", { class: "card" }, this.#none, this.#list));
  }

  connectedCallback() {                               // ends by itself when the element goes
    this.tulou.listen("example-card.greeted", {}, (greeting) => this.#add(greeting), {
      started: () => {                                // also after the app or the plugin was restarted
        fill(this.#list);
        this.#none.hidden = false;
      },
      ended: (error) => error && this.#say(error),    // null: there are no more; else the feed failed
    });
  }

  #add({ name, at }) {
    const time = new Date(at / 1000).toLocaleTimeString();
    this.#none.hidden = true;
    // h() makes text of words, never markup: they come from somebody else
    this.#list.prepend(h("li", {}, `${time}  ${name}`));
  }

  async #greet(event) {
    event.preventDefault();
    this.#problem.hidden = true;
    try {
      await this.tulou.call("example-card.greet", { name: this.#field.value });
      this.#field.value = "";
    } catch (error) {
      this.#say(error);
    }
  }

  #say(error) {
    this.#problem.textContent = error.message;        // a sentence for people
    this.#problem.hidden = false;
  }
}
