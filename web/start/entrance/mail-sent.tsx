/** Where to look for a mail: in development it was caught, and sent nowhere. */
import { project } from "../../shared/project.ts";

export function MailSent({ email, of }: { email: string; of: string }) {
  const { mailboxUrl } = project.value;
  return (
    <p class="notice good" role="status">
      {of} is on its way to {email}. Follow the link in it.{" "}
      {mailboxUrl && (
        <>
          In development it is in the{" "}
          <a href={mailboxUrl} target="_blank" rel="noopener">
            mailbox
          </a>
          .
        </>
      )}
    </p>
  );
}
