// The look of a message of the kind "example-card". The host makes the element and sets `message`.
import { t } from "tulou/texts";

export default class ExampleCardBubble extends HTMLElement {
  set message(message) {
    const label = document.createElement("small");
    label.textContent = t("example-card.label");
    const title = document.createElement("strong");
    // textContent, never innerHTML: the words come from somebody else
    title.textContent = message.data.title ?? message.body;
    title.style.display = "block";
    this.replaceChildren(label, title);
  }
}
