/** Catches the mail that Auth would send: nothing leaves the machine. Bounded, in memory, newest first. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly at: string;
}

const KEPT = 200;

export class Mailbox {
  readonly #mails: Mail[] = [];
  readonly #announce: (mail: Mail) => void;

  readonly #siteUrl: string;
  readonly #authUrl: string;

  /** lite writes links to Auth below the site's address; they are led to `authUrl`, where Auth is. */
  constructor(siteUrl: string, authUrl: string, announce: (mail: Mail) => void = () => undefined) {
    this.#siteUrl = siteUrl;
    this.#authUrl = authUrl;
    this.#announce = announce;
  }

  /** lite's EmailDriver. */
  async send(message: { to: string; subject: string; text?: string }): Promise<void> {
    const mail = {
      to: message.to,
      subject: message.subject,
      text: this.#led(message.text ?? ""),
      at: new Date().toISOString(),
    };
    this.#mails.unshift(mail);
    this.#mails.length = Math.min(this.#mails.length, KEPT);
    this.#announce(mail);
  }

  #led(text: string): string {
    return text.replaceAll(`${this.#siteUrl}/auth/v1/`, `${this.#authUrl}/auth/v1/`);
  }

  to(address: string | undefined): Mail[] {
    return address ? this.#mails.filter((mail) => mail.to === address.toLowerCase()) : [...this.#mails];
  }
}
