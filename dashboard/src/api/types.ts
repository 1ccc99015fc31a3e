/** The names under which the dashboard uses the generated types. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Event = Schemas["Event"];
export type Session = Schemas["Session"];
export type Signals = Schemas["Signals"];
export type SignalsReply = Schemas["SignalsReply"];
export type Timeline = Schemas["Timeline"];
export type Ticket = Schemas["Ticket"];
export type ErrorBody = Schemas["Error"];
export type Detail = Schemas["Detail"];
