// The bubble of plain text messages: text stays text, addresses become links.
import { linkify } from "tulou/linkify";

const FEW_EMOJI = /^(?:\p{RGI_Emoji}\s?){1,3}$/v;

export default class TextBubble extends HTMLElement {
  set message(message) {
    const body = message.body;
    if (this.textContent !== body) this.replaceChildren(...linkify(body));
    this.className = FEW_EMOJI.test(body) ? "text-bubble text-bubble-emoji" : "text-bubble";
    this.dir = "auto";
  }
}
