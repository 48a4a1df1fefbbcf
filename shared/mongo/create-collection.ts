/** Making a collection, or a view, that several may make at once. */
import { type Db, type Document, MongoServerError } from "mongodb";

const NAMESPACE_EXISTS = 48;

/** False when somebody else was faster. Throws the driver's other errors. */
export async function createCollection(db: Db, name: string, options: Document): Promise<boolean> {
  try {
    await db.createCollection(name, options);
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NAMESPACE_EXISTS) return false;
    throw error;
  }
}
