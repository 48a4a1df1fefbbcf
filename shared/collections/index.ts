/** Every collection of the application, parents before the collections that refer to them. */

import type { Collection } from "../definition/define.ts";
import { activityLogs } from "./activity-logs.ts";
import { budgets } from "./budgets.ts";
import { categories } from "./categories.ts";
import { channels } from "./channels.ts";
import { contacts } from "./contacts.ts";
import { conversationMembers } from "./conversation-members.ts";
import { conversations } from "./conversations.ts";
import { customers } from "./customers.ts";
import { directMessages } from "./direct-messages.ts";
import { expenses } from "./expenses.ts";
import { groupMessages } from "./group-messages.ts";
import { incomes } from "./incomes.ts";
import { loanPayments } from "./loan-payments.ts";
import { loans } from "./loans.ts";
import { members } from "./members.ts";
import { payments } from "./payments.ts";
import { preferences } from "./preferences.ts";
import { profiles } from "./profiles.ts";
import { servers } from "./servers.ts";
import { shops } from "./shops.ts";

/** Those that each user files for themselves: their routes, and the types of the client, follow from their definitions. */
export const collections = {
  categories,
  expenses,
  incomes,
  budgets,
  contacts,
  loans,
  loan_payments: loanPayments,
  shops,
  customers,
  payments,
};

export type Collections = typeof collections;
export type CollectionName = keyof Collections;

/** Those that people share. Who is in which room decides who sees what, and their routes are written by hand (api/_routes/). */
export const sharedCollections = {
  profiles,
  conversations,
  conversation_members: conversationMembers,
  direct_messages: directMessages,
  servers,
  members,
  channels,
  group_messages: groupMessages,
};

/** Those of which MongoDB has the records of everybody, wherever they are at home; Postgres has no table for them. */
export const mongoCollections = { preferences, activity_logs: activityLogs };

/** Those that have routes by their names. */
export const filedCollections: readonly Collection[] = Object.values(collections);

/** All, for code that treats them alike. */
export const allCollections: readonly Collection[] = [
  ...filedCollections,
  ...Object.values(sharedCollections),
  ...(Object.values(mongoCollections) as unknown as Collection[]),
];

/** Those that have a table in Supabase's Postgres. */
export const tableCollections: readonly Collection[] = allCollections.filter(
  ({ name }) => !Object.hasOwn(mongoCollections, name),
);

/** Those whose records live in their owner's home, whichever that is. */
export const homeCollections: readonly Collection[] = allCollections.filter(
  ({ placement }) => placement.kind === "home",
);
