// From alerts to the rows of the board: filtered, put together, the most urgent first.

import { findingName } from "../page.js";
import { isEnded, isNew } from "./alert_store.js";

const URGENCY = { notice: 0, warning: 1, critical: 2 };

const SHOWN = {
  all: () => true,
  new: isNew,
  mine: (alert, me) => alert.assignee?.id === me,
  acknowledged: (alert) => alert.acknowledged_at_ms !== null && alert.resolved_at_ms === null,
  escalated: (alert) => alert.escalated_at_ms !== null && alert.resolved_at_ms === null,
  resolved: (alert) => alert.resolved_at_ms !== null,
};

/** Whether an alert fits the criteria (app/schemas/saved_filters.py) of the person with the number `me`. */
export function fits(alert, criteria, me) {
  return SHOWN[criteria.shown](alert, me)
    && (criteria.severities.length === 0 || criteria.severities.includes(alert.severity))
    && (!criteria.finding || alert.finding === criteria.finding)
    && (!criteria.organisation || alert.organisation === criteria.organisation)
    && (!criteria.kind || alert.kind === criteria.kind)
    && (!criteria.zone || alert.place?.zone_id === criteria.zone)
    && contains(alert, criteria.text.trim().toLowerCase());
}

function contains(alert, text) {
  if (!text) return true;
  const { place, operator_names: operator } = alert;
  const words = [alert.vehicle_id, alert.encounter?.other_vehicle_id, findingName(alert.finding), operator.zh, operator.en, place?.zh, place?.en, alert.assignee?.name];
  return words.some((word) => word && word.toLowerCase().includes(text));
}

/** What comes first: what nobody has seen, then what is worse, then what is newer. */
function before(a, b) {
  return attention(b) - attention(a) || URGENCY[b.severity] - URGENCY[a.severity] || b.opened_at_ms - a.opened_at_ms || (a.id < b.id ? -1 : 1);
}

function attention(alert) {
  if (alert.resolved_at_ms !== null) return 0;
  if (isEnded(alert)) return 1;
  return isNew(alert) ? 3 : 2;
}

function groupKey(alert, grouping) {
  if (grouping === "vehicle") return `${alert.finding} ${alert.vehicle_id}`;
  if (grouping === "place") return `${alert.finding} ${alert.place?.zone_id ?? ""}`;
  if (grouping === "finding") return alert.finding;
  return alert.id;
}

/**
 * The rows in their order: `{key, alert, level, position, size}`, and for a group its `members` and whether
 * it `isOpen`. A group of one is its alert. `opened` has the keys of the groups that are unfolded.
 */
export function rowsOf(alerts, criteria, me, opened) {
  const found = alerts.filter((alert) => fits(alert, criteria, me)).sort(before);
  const groups = new Map();
  for (const alert of found) {
    const key = groupKey(alert, criteria.grouping);
    const members = groups.get(key);
    if (members) members.push(alert);
    else groups.set(key, [alert]);
  }
  const rows = [];
  let position = 0;
  for (const [key, members] of groups) {
    position += 1;
    const size = groups.size;
    if (members.length === 1) {
      rows.push({ key: members[0].id, alert: members[0], level: 1, position, size });
      continue;
    }
    const isOpen = opened.has(key);
    rows.push({ key, alert: members[0], members, isOpen, level: 1, position, size });
    if (!isOpen) continue;
    members.forEach((alert, place) => rows.push({ key: alert.id, alert, level: 2, position: place + 1, size: members.length }));
  }
  return { rows, count: found.length };
}
