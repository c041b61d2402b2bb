// One alert, or a group of them: what is known, what people did, and what this person may do.

import { element, findingDescription, findingName, localised, page, text, timeElement } from "../page.js";
import * as actions from "./actions.js";
import { isEnded, isNew } from "./alert_store.js";
import { askForText } from "./dialogs.js";
import { addEncounter, drawEncounter } from "./encounter.js";

const box = document.getElementById("detail");

export class Detail {
  /**
   * `newest(id)` gives an alert as it is known now, `onNews(alert)` hears one as it is after an action,
   * `onShow(vehicleId)` that the vehicle is wanted, `onSay(words, isRefusal)` what the person is to be told.
   */
  constructor({ newest, onNews, onShow, onSay }) {
    this.newest = newest;
    this.onNews = onNews;
    this.onShow = onShow;
    this.onSay = onSay;
    this.row = null;
    this.known = { id: null, version: -1, comments: [], more: null };
    this.working = Promise.resolve();
  }

  get alert() {
    return this.row && !this.row.members ? this.row.alert : null;
  }

  /** Shows a row of the board; null hides the panel. */
  show(row) {
    const isSame = this.row !== null && row !== null && this.row.key === row.key && this.row.alert === row.alert
      && this.row.members?.length === row.members?.length;
    this.row = row;
    if (isSame && !row.members) return;
    this.draw();
    if (this.alert) this.working = Promise.all([this.working, this.read()]);
  }

  /** What only the API tells: names, reasons, comments, and the version of what the bus has just told. */
  async read() {
    const { id, version } = this.alert;
    if (this.known.id === id && this.known.version >= version) return;
    this.known = { ...(this.known.id === id ? this.known : { comments: [], more: null }), id, version };
    try {
      const [more, comments] = await Promise.all([actions.read(id), this.alert.comments > 0 ? actions.comments({ id }) : []]);
      if (this.known.id !== id) return;
      this.known = { id, version: more.version, comments, more };
      if (more.version > version) this.onNews(more);
    } catch (error) {
      if (!(error instanceof actions.Refused)) throw error;
      this.onSay(error.message, true);
      return;
    }
    if (this.alert?.id === id) this.draw();
  }

  draw() {
    box.hidden = this.row === null;
    if (this.row === null) return;
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    box.replaceChildren(...(this.row.members ? this.groupParts() : this.alertParts()));
    if (focused) box.querySelector(`[data-action="${focused}"]`)?.focus();
  }

  groupParts() {
    const { alert, members } = this.row;
    const unseen = members.filter(isNew);
    const buttons = element("div", "detail-actions");
    if (page.may.acknowledge && unseen.length > 0) {
      buttons.append(this.button("acknowledge", text("acknowledge_all", { count: unseen.length }), "A", () => this.acknowledge()));
    }
    return [heading(alert), element("p", "detail-about", findingDescription(alert.finding)), buttons];
  }

  alertParts() {
    const { alert } = this;
    const drawing = alert.encounter ? [drawEncounter(alert.encounter)] : [];
    return [heading(alert), this.facts(alert), this.buttons(alert), this.links(alert), ...drawing, ...this.comments(alert)];
  }

  facts(alert) {
    const more = this.known.id === alert.id ? this.known.more : null;
    const list = element("dl", "detail-facts");
    const add = (label, ...parts) => {
      const line = element("div");
      const value = element("dd");
      value.append(...parts);
      line.append(element("dt", "", text(label)), value);
      list.append(line);
    };
    const vehicle = element("a", "", alert.vehicle_id);
    vehicle.href = page.urls.vehicle.replace("HERE", encodeURIComponent(alert.vehicle_id));
    add("vehicle", vehicle, " · ", localised(alert.operator_names));
    if (alert.place) add("place", localised(alert.place));
    if (alert.encounter) addEncounter(alert.encounter, add);
    add("opened", timeElement(alert.opened_at_ms), " – ", isEnded(alert) && alert.closed_at_ms !== null ? timeElement(alert.closed_at_ms) : text("goes_on"));
    if (alert.acknowledged_at_ms !== null) add("acknowledged_by", more?.acknowledged_by ?? "", " ", timeElement(alert.acknowledged_at_ms));
    if (alert.assignee) add("assignee", alert.assignee.name);
    if (alert.escalated_at_ms !== null) {
      const who = more ? more.escalated_by ?? text("by_platform") : "";
      add("escalated", who, " ", timeElement(alert.escalated_at_ms), ...reason(more?.escalation));
    }
    if (alert.resolved_at_ms !== null) add("resolved", more?.resolved_by ?? "", " ", timeElement(alert.resolved_at_ms), ...reason(more?.resolution));
    return list;
  }

  buttons(alert) {
    const row = element("div", "detail-actions");
    const isOpen = alert.resolved_at_ms === null;
    if (page.may.acknowledge && isNew(alert)) row.append(this.button("acknowledge", text("acknowledge"), "A", () => this.acknowledge()));
    if (page.may.handle && isOpen) {
      if (alert.assignee?.id !== page.me) row.append(this.button("take", text("take"), "M", () => this.take()));
      row.append(this.assignees(alert));
    }
    if (page.may.handle) row.append(this.button("comment", text("comment"), "C", () => this.comment()));
    if (page.may.handle && isOpen) row.append(this.button("escalate", text("escalate"), "E", () => this.escalate()));
    if (page.may.resolve && isOpen) row.append(this.button("resolve", text("close_alert"), "X", () => this.resolve()));
    row.append(this.button("vehicle", text("show_vehicle"), "V", () => this.onShow(alert.vehicle_id)));
    return row;
  }

  /** The pages of what may be done next, about this alert. */
  links(alert) {
    const [lon, lat] = alert.geometry.coordinates;
    const values = { HERE_ALERT: alert.id, HERE_VEHICLE: alert.vehicle_id, HERE_MOMENT: alert.opened_at_ms, HERE_LAT: lat, HERE_LON: lon };
    const list = element("p", "detail-links");
    for (const { label, url } of page.next) {
      const link = element("a", "", label);
      link.href = url.replaceAll(/HERE_[A-Z]+/g, (name) => encodeURIComponent(values[name]));
      list.append(link);
    }
    return list;
  }

  button(action, label, key, act) {
    const made = element("button", "quiet", label);
    made.type = "button";
    made.dataset.action = action;
    made.append(element("kbd", "", key));
    made.addEventListener("click", act);
    return made;
  }

  assignees(alert) {
    const select = element("select", "duty-select");
    select.dataset.action = "assign";
    select.setAttribute("aria-label", text("assign"));
    const people = [{ id: "", name: `${text("assign")}…` }, ...page.people];
    if (alert.assignee) people.push({ id: "0", name: text("nobody") });
    for (const { id, name } of people) select.add(new Option(name, String(id)));
    select.addEventListener("change", () => this.attempt((alert) => actions.assign(alert, Number(select.value) || null)));
    return select;
  }

  comments(alert) {
    if (alert.comments === 0) return [];
    const list = element("ol", "comment-list");
    list.setAttribute("aria-label", text("comments"));
    for (const comment of this.known.id === alert.id ? this.known.comments : []) {
      const item = element("li");
      const head = element("p", "comment-head");
      head.append(element("strong", "", comment.author), " ", timeElement(comment.written_at_ms));
      item.append(head, element("p", "comment-text", comment.text));
      list.append(item);
    }
    return [list];
  }

  acknowledge() {
    if (!page.may.acknowledge || this.row === null) return;
    const { members } = this.row;
    if (!members) {
      if (isNew(this.alert)) this.attempt(actions.acknowledge);
      return;
    }
    const unseen = members.filter(isNew);
    if (unseen.length > 0) this.attempt(() => this.acknowledgeAll(unseen));
  }

  /** The stream may have taken some away meanwhile: of those there is no news. */
  async acknowledgeAll(alerts) {
    const answers = await actions.acknowledgeAll(alerts);
    return answers.filter(({ id }) => this.newest(id)).map((answer) => ({ ...this.newest(answer.id), ...answer }));
  }

  take() {
    if (this.mayHandle() && this.alert.resolved_at_ms === null) this.attempt((alert) => actions.assign(alert, page.me));
  }

  async comment() {
    if (!this.mayHandle()) return;
    const { alert } = this;
    const words = await askForText({ title: titleOf(text("comment"), alert), hint: text("comment_hint"), label: text("comment_label"), send: text("comment") });
    if (words !== null) this.attempt((newest) => actions.comment(newest, words), alert);
  }

  async escalate() {
    if (!this.mayHandle() || this.alert.resolved_at_ms !== null) return;
    const { alert } = this;
    const words = await askForText({ title: titleOf(text("escalate"), alert), hint: text("escalate_hint"), label: text("reason"), send: text("escalate") });
    if (words !== null) this.attempt((newest) => actions.escalate(newest, words), alert);
  }

  async resolve() {
    if (!page.may.resolve || !this.isSingle() || this.alert.resolved_at_ms !== null) return;
    const { alert } = this;
    const words = await askForText({ title: titleOf(text("close_alert"), alert), hint: text("close_hint"), label: text("reason"), send: text("close_alert") });
    if (words !== null) this.attempt((newest) => actions.resolve(newest, words), alert);
  }

  mayHandle() {
    return page.may.handle && this.isSingle();
  }

  isSingle() {
    if (this.row !== null && this.alert === null) this.onSay(text("choose_one"), true);
    return this.alert !== null;
  }

  /** One action after another, so that each names the version that the one before left. */
  attempt(act, alert = this.alert) {
    this.working = this.working.then(() => this.act(act, alert));
    return this.working;
  }

  async act(act, alert) {
    try {
      const answer = await act(alert && (this.newest(alert.id) ?? alert));
      for (const news of Array.isArray(answer) ? answer : [answer]) this.onNews(news);
      this.onSay(text("done"));
    } catch (error) {
      if (!(error instanceof actions.Refused)) throw error;
      this.onSay(error.message, true);
      if (error.isOutdated && alert) this.onNews(await actions.read(alert.id));
    }
  }
}

function heading(alert) {
  const head = element("header", `detail-head is-${alert.severity}`);
  const title = element("h2", "", findingName(alert.finding));
  title.id = "detail-title";
  title.title = findingDescription(alert.finding);
  head.append(title, element("span", `badge-severity is-${alert.severity}`, text(`severity_${alert.severity}`)));
  return head;
}

function reason(words) {
  return words ? [element("q", "detail-reason", words)] : [];
}

function titleOf(verb, alert) {
  return `${verb}: ${findingName(alert.finding)}, ${alert.vehicle_id}`;
}
