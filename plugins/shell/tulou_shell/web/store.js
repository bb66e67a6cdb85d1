// What the page knows of the account. Views listen to topics and read the fields.
//
// Topics: session, connection, conversations, contacts, contributions, plugins, notices, line,
// history:<conversation> (its messages), draft:<conversation> (its unsent text was put back).
import { localPart } from "./format.js";
import { History } from "./history.js";
import { Fault, Line } from "./socket.js";
import { storage } from "./storage.js";
import { addTexts } from "./texts.js";

const PAGE = 50;
const LISTED = 500;
const PASSING = 8_000; // ms that something said in passing stays
let sayings = 0;

class Store {
  session = null; // null until Python has told
  connection = { state: "connecting", reason: "", retryIn: null, since: 0 };
  line = "connecting"; // connecting, open, closed, refused
  lineSince = 0;
  conversations = new Map();
  listed = LISTED; // conversations asked for; there may be more
  contacts = new Map();
  contributions = { bubbles: {}, panels: [], tabs: [], pages: [], feeds: [], texts: {}, problems: [] };
  plugins = { plugins: [], missing: [], problems: [] };
  notices = [];

  #histories = new Map();
  #listeners = new Map();
  #line = new Line();
  #told = 0; // how often Python told the session's state of its own accord

  start() {
    this.#line.addEventListener("open", () => this.#opened());
    this.#line.addEventListener("closed", () => this.#setLine("closed"));
    this.#line.addEventListener("refused", () => this.#setLine("refused"));
    this.#line.addEventListener("push", (event) => this.#pushed(event.detail.name, event.detail.data));
    addEventListener("online", () => this.probe());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.probe();
    });
    this.#line.connect();
  }

  on(topic, handler) {
    const handlers = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  emit(topic) {
    for (const handler of [...(this.#listeners.get(topic) ?? [])]) handler();
  }

  ask(method, params, patience) {
    return this.#line.ask(method, params, patience);
  }

  /** Say something in passing, on this page only. */
  say(text) {
    const id = `here ${++sayings}`;
    this.notices = [...this.notices, { id, title: text, text: "", url: "", passing: true }];
    this.emit("notices");
    setTimeout(() => this.unsay(id), PASSING);
  }

  unsay(id) {
    this.notices = this.notices.filter((each) => each.id !== id);
    this.emit("notices");
  }

  /** Hear one kind of Python's pushes that are no part of the account, such as the values of feeds. */
  hear(name, handler) {
    PUSHES[name] = (data) => handler(data);
  }

  /** The page is looked at again, or the network changed: find out what still stands. */
  probe() {
    this.#line.hurry();
    // not when another device took over: merely looking at the page must not take it back
    const ours = this.session?.signedIn && this.connection.state !== "replaced";
    if (this.#line.open && ours) this.ask("connection.probe").catch(() => {});
  }

  hurry() {
    this.#line.hurry();
  }

  // -- account --

  async signIn(register, address, password, endpoint) {
    const method = register ? "identity.register" : "identity.sign_in";
    this.#setSession(await this.ask(method, { address, password, endpoint }));
    await this.#readAll();
  }

  async signOut() {
    this.#setSession(await this.ask("identity.sign_out"));
  }

  // -- names --

  /** How a person is called: as on the contact list, else as the conversation says. */
  nameOf(address) {
    const title = this.conversations.get(address)?.title;
    return this.contacts.get(address)?.name || (title && title !== address ? title : "") || localPart(address);
  }

  presenceOf(address) {
    return this.contacts.get(address)?.presence ?? "offline";
  }

  get sortedConversations() {
    const time = (each) => each.last?.at ?? Number.MAX_SAFE_INTEGER; // a new one stands on top
    return [...this.conversations.values()].sort((a, b) => time(b) - time(a));
  }

  get unread() {
    return [...this.conversations.values()].reduce((sum, each) => sum + each.unread, 0);
  }

  /** Whether there may be older conversations than those here. */
  get hasMore() {
    return this.conversations.size >= this.listed;
  }

  async loadMore() {
    this.listed += LISTED;
    this.#setConversations(await this.ask("messenger.conversations", { limit: this.listed }));
  }

  // -- messages --

  /** The part of a conversation that is here; `load` brings more. */
  history(conversation) {
    let history = this.#histories.get(conversation);
    if (history === undefined) {
      history = new History();
      this.#histories.set(conversation, history);
    }
    return history;
  }

  /** Bring the newest messages, or the page before the oldest one here. */
  async load(conversation, older = false) {
    const history = this.history(conversation);
    if (history.loading || (older && history.complete)) return;
    history.loading = true;
    history.failed = false;
    this.emit(`history:${conversation}`);
    try {
      const before = older ? history.oldest : null;
      const found = await this.ask("messenger.history", { conversation, before, limit: PAGE });
      if (older || !history.loaded) history.complete = found.length < PAGE;
      history.merge(found);
      history.loaded = true;
    } catch {
      history.failed = true;
    } finally {
      history.loading = false;
      this.emit(`history:${conversation}`);
    }
  }

  /**
   * Send. The message shows at once; when it could not be stored it goes away again and the
   * returned promise rejects, so that the caller puts the text back.
   */
  async send(conversation, body, kind = "text", data = {}) {
    const history = this.history(conversation);
    const sender = this.session?.account?.address ?? "";
    const pending = history.begin({ conversation, body, kind, data, sender });
    this.emit(`history:${conversation}`);
    try {
      const stored = await this.ask("messenger.send", { conversation, body, kind, data });
      history.adopt(pending, stored);
      history.merge([stored]);
    } catch (fault) {
      if (fault.code !== "closed") throw fault;
      await this.#settleUnknown(history, pending);
    } finally {
      history.end(pending);
      this.emit(`history:${conversation}`);
    }
  }

  retry(conversation, message) {
    return this.ask("messenger.retry", { conversation, message });
  }

  markRead(conversation, position) {
    const line = this.conversations.get(conversation);
    if (line === undefined || position <= Math.max(line.readPosition, line.asked ?? 0)) return;
    line.asked = position;
    this.ask("messenger.mark_read", { conversation, position }).catch(() => (line.asked = 0));
  }

  async open(address, title = "") {
    const conversation = await this.ask("messenger.open", { address, title });
    this.conversations.set(conversation.id, conversation);
    this.emit("conversations");
    return conversation;
  }

  // -- drafts: kept in the browser, one a conversation --

  draft(conversation) {
    return storage.get(this.#draftKey(conversation)) ?? "";
  }

  keepDraft(conversation, text) {
    storage.set(this.#draftKey(conversation), text.trim() === "" ? null : text);
  }

  /** Put text back that could not be sent, before whatever was written since. */
  restoreDraft(conversation, text) {
    const since = this.draft(conversation);
    this.keepDraft(conversation, since ? `${text}\n${since}` : text);
    this.emit(`draft:${conversation}`);
    this.emit("conversations");
  }

  #draftKey(conversation) {
    return `tulou.draft.${this.session?.account?.address ?? ""}.${conversation}`;
  }

  // -- what Python says --

  async #opened() {
    try {
      await this.#readAll();
      this.#setLine("open");
      await Promise.all([...this.#histories.keys()].map((each) => this.#refresh(each)));
    } catch (fault) {
      if (fault.code !== "closed") throw fault; // lost again meanwhile: the next opening reads anew
    }
  }

  /**
   * Read everything a page shows; histories are brought when they are looked at. Each answer is
   * taken at once, for a push that comes after it is newer.
   */
  async #readAll() {
    const told = this.#told;
    const [session] = await Promise.all([
      this.ask("session.state").then((answer) => {
        this.#setConnection(answer.connection);
        return answer;
      }),
      this.ask("ui.contributions").then((answer) => this.#setContributions(answer)),
      this.ask("plugins.status").then((answer) => this.pushedPlugins(answer)),
      this.ask("ui.notices").then((answer) => this.pushedNotices(answer)),
    ]);
    const { signedIn, missing } = session;
    if (signedIn || missing.includes("identity")) {
      await Promise.all([
        missing.includes("messenger") ? this.#setConversations([])
          : this.ask("messenger.conversations", { limit: this.listed }).then((lines) => this.#setConversations(lines)),
        missing.includes("transport") ? this.#setContacts([])
          : this.ask("contacts.list").then((contacts) => this.#setContacts(contacts)),
      ]);
    }
    if (told === this.#told) this.#setSession({ ...session, connection: null });
  }

  /** Read the newest page of a conversation anew. */
  async #refresh(conversation) {
    const found = await this.ask("messenger.history", { conversation, before: null, limit: PAGE });
    this.history(conversation).renew(found, PAGE);
    this.emit(`history:${conversation}`);
  }

  #pushed(name, data) {
    const handler = PUSHES[name];
    if (handler !== undefined) handler.call(this, data);
  }

  pushedState(session) {
    const was = this.session;
    this.#told += 1;
    this.#setSession(session);
    const changed = was?.account?.address !== session.account?.address || was?.signedIn !== session.signedIn
      || was?.missing.join() !== session.missing.join();
    if (changed) this.#readAll().catch(() => {});
  }

  pushedMessages(messages) {
    for (const message of messages) {
      this.#histories.get(message.conversation)?.push(message);
      this.emit(`history:${message.conversation}`);
      if (!message.outgoing) this.emit("incoming");
    }
  }

  pushedConversations(lines) {
    for (const line of lines) this.conversations.set(line.id, newer(line, this.conversations.get(line.id)));
    this.emit("conversations");
  }

  pushedConnection(connection) {
    this.#setConnection(connection);
  }

  pushedContact(contact) {
    if (contact.removed) this.contacts.delete(contact.address);
    else this.contacts.set(contact.address, contact);
    this.emit("contacts");
  }

  pushedContributions(contributions) {
    this.#setContributions(contributions);
  }

  pushedPlugins(plugins) {
    this.plugins = plugins;
    this.emit("plugins");
  }

  pushedNotices(notices) {
    this.notices = [...notices, ...this.notices.filter((each) => each.passing)];
    this.emit("notices");
  }

  async pushedResync() {
    try {
      await this.#readAll();
      for (const conversation of this.#histories.keys()) await this.#refresh(conversation);
    } catch {
      // the line is lost: its next opening reads everything
    }
  }

  // -- inside --

  /** The line was lost while a message was being stored: look whether it was, once we are back. */
  async #settleUnknown(history, pending) {
    if (this.line !== "open") await this.#reopened();
    await this.#refresh(pending.conversation);
    if (!history.settle(pending)) throw new Fault("closed");
  }

  #reopened() {
    return new Promise((resolve) => {
      const end = this.on("line", () => {
        if (this.line !== "open") return;
        end();
        resolve();
      });
    });
  }

  #setLine(state) {
    if (this.line === "refused" && state === "closed") return;
    if (this.line !== state) this.lineSince = performance.now();
    this.line = state;
    this.emit("line");
  }

  #setConversations(lines) {
    this.conversations = new Map(lines.map((each) => [each.id, newer(each, this.conversations.get(each.id))]));
    this.emit("conversations");
  }

  #setContacts(contacts) {
    this.contacts = new Map(contacts.map((each) => [each.address, each]));
    this.emit("contacts");
  }

  #setSession(session) {
    this.session = session;
    if (session.connection) this.#setConnection(session.connection);
    this.emit("session");
  }

  #setConnection(connection) {
    this.connection = { ...connection, since: performance.now() };
    this.emit("connection");
  }

  #setContributions(contributions) {
    this.contributions = contributions;
    addTexts(contributions.texts);
    this.emit("contributions");
  }
}

/** Of two states of a conversation the one in which more has happened. */
function newer(line, known) {
  const older = known && ((known.last?.position ?? 0) > (line.last?.position ?? 0) || known.readPosition > line.readPosition);
  return older ? known : line;
}

const PUSHES = {
  state: Store.prototype.pushedState,
  messages: Store.prototype.pushedMessages,
  conversations: Store.prototype.pushedConversations,
  connection: Store.prototype.pushedConnection,
  contact: Store.prototype.pushedContact,
  contributions: Store.prototype.pushedContributions,
  plugins: Store.prototype.pushedPlugins,
  notices: Store.prototype.pushedNotices,
  resync: Store.prototype.pushedResync,
};

export const store = new Store();
