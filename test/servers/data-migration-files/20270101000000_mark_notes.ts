/** For processes that are killed: the note gets a mark in front, and loses it again. */
import { marking } from "../../data-migrations/marking.ts";

export default marking;
