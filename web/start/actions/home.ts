/** Who is signed in, and which database keeps their records. */
import { answerOf } from "../../shared/api.ts";
import { api } from "../api.ts";

export const whoAmI = () => answerOf(api.me.$get());
