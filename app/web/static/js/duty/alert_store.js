// The alerts that stand on the board: those that are open, and those that ended before anybody had seen them.

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
    this.visited = null;
  }

  /** Takes a snapshot of everything that stands; an alert that the address names stays besides. */
  replace(alerts) {
    const visited = this.alerts.get(this.visited);
    this.alerts = new Map(alerts.map((alert) => [alert.id, alert]));
    if (visited && !this.alerts.has(visited.id)) this.alerts.set(visited.id, visited);
  }

  /** Takes one alert, newer or not; true when it was not known and nobody has seen it. */
  update(alert) {
    const known = this.alerts.get(alert.id);
    const newest = known && known.version > alert.version ? { ...alert, ...handling(known) } : alert;
    if (isEnded(newest) && !isNew(newest)) this.leave([newest.id]);
    if (!isEnded(newest) || isNew(newest) || newest.id === this.visited) this.alerts.set(newest.id, newest);
    return !known && isNew(newest);
  }

  /** These stand no longer: the record alone tells of them. */
  leave(ids) {
    for (const id of ids) if (id !== this.visited) this.alerts.delete(id);
  }

  /** Keeps an alert that the address names, also one that is over and seen. */
  visit(alert) {
    this.visited = alert.id;
    this.update(alert);
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
