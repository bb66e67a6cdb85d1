// A contact tab as any plugin may bring one: what is known of a person.
import { fill, h } from "tulou/dom";
import { t } from "tulou/texts";

export default class ContactDetails extends HTMLElement {
  set contact(contact) {
    fill(this, h("dl", { class: "facts" },
      h("dt", {}, t("contacts.address")), h("dd", {}, contact.address),
      contact.subscribed === false && [h("dt", {}, t("contacts.presence")), h("dd", {}, t("contacts.waiting"))]));
  }
}
