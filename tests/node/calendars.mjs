// Reads calendar files, a JSON list of texts on standard input, with ical.js; writes what it finds in each as JSON.
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

const moment = (time) => (time.isDate ? time.toString() : new Date(time.toUnixTime() * 1000).toISOString());

const entry = (component) => {
  const event = new ICAL.Event(component);
  const attendee = event.attendees[0];
  return {
    uid: event.uid,
    sequence: event.sequence,
    status: component.getFirstPropertyValue("status"),
    starts: moment(event.startDate),
    ends: moment(event.endDate),
    summary: event.summary,
    description: event.description ?? "",
    location: event.location ?? "",
    url: component.getFirstPropertyValue("url"),
    attendee: attendee ? attendee.getFirstValue() : "",
  };
};

const read = (text) => {
  const calendar = new ICAL.Component(ICAL.parse(text));
  return {
    method: calendar.getFirstPropertyValue("method") ?? "",
    name: calendar.getFirstPropertyValue("x-wr-calname") ?? "",
    zones: calendar.getAllSubcomponents("vtimezone").map((zone) => zone.getFirstPropertyValue("tzid")),
    entries: calendar.getAllSubcomponents("vevent").map(entry),
  };
};

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(read)));
