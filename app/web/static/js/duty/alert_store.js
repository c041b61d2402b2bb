// The alerts that the screen knows: those that are open, and those that ended before anybody had seen them.

/** More than this many ended ones are no list for a person; the record has them all. */
const MOST_ENDED = 2000;

export function isEnded(alert) {
  return alert.closed === true;
}

/** Whether nobody has seen it yet. */
export function isNew(alert) {
  return alert.acknowledged_at_ms === null && alert.resolved_at_ms === null;
}

export class AlertStore {
  constructor() {
    this.alerts = new Map();
    this.ended = new Set();
  }

  /** Takes a snapshot of everything that is open; what ended unseen stays. */
  replace(alerts) {
    const kept = [...this.ended].map((id) => this.alerts.get(id));
    this.alerts = new Map(alerts.map((alert) => [alert.id, alert]));
    for (const alert of kept) {
      if (this.alerts.has(alert.id)) this.ended.delete(alert.id);
      else this.alerts.set(alert.id, alert);
    }
  }

  /** Takes one alert, newer or not; true when it was not known and nobody has seen it. */
  update(alert) {
    const known = this.alerts.get(alert.id);
    const newest = known && known.version > alert.version ? { ...alert, ...handling(known) } : alert;
    if (isEnded(newest) && !isNew(newest)) this.forget(newest.id);
    else if (isEnded(newest)) this.keepEnded(newest);
    else this.alerts.set(newest.id, newest);
    return !known && isNew(newest);
  }

  forget(id) {
    this.alerts.delete(id);
    this.ended.delete(id);
  }

  keepEnded(alert) {
    this.alerts.set(alert.id, alert);
    this.ended.add(alert.id);
    if (this.ended.size > MOST_ENDED) this.forget(this.ended.values().next().value);
  }

  get(id) {
    return this.alerts.get(id);
  }

  all() {
    return [...this.alerts.values()];
  }
}

/** What people did, as of the alert's version. */
function handling({ acknowledged_at_ms, escalated_at_ms, resolved_at_ms, assignee, comments, version }) {
  return { acknowledged_at_ms, escalated_at_ms, resolved_at_ms, assignee, comments, version };
}
