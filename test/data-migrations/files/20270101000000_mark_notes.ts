/** For processes that are killed: the note gets a mark in front, and loses it again. */
import { marking } from "../marking.ts";

export default marking;
