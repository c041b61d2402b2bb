// What the board shows (app/schemas/saved_filters.py), and how an address says it: a filter can be sent to others.

export const NOTHING = { shown: "all", severities: [], finding: null, organisation: null, kind: null, zone: null, text: "", grouping: "vehicle" };

/** The name of each criterion in an address. */
const NAMES = { shown: "shown", finding: "finding", organisation: "operator", kind: "kind", zone: "zone", text: "q", grouping: "group" };
const SEVERITY = "severity";

/** The criteria that an address names; what it leaves out is as in NOTHING. */
export function criteriaOf(query) {
  const found = { ...NOTHING, severities: query.getAll(SEVERITY) };
  for (const [criterion, name] of Object.entries(NAMES)) found[criterion] = query.get(name) || NOTHING[criterion];
  return found;
}

/** Writes the criteria into an address's query, and leaves the rest of it. */
export function writeCriteria(query, criteria) {
  for (const name of [SEVERITY, ...Object.values(NAMES)]) query.delete(name);
  for (const severity of criteria.severities) query.append(SEVERITY, severity);
  for (const [criterion, name] of Object.entries(NAMES)) {
    if (criteria[criterion] !== NOTHING[criterion]) query.set(name, criteria[criterion]);
  }
}
