/** The fields of the forms here, as password managers know them. */

export function Email() {
  return (
    <label>
      E-mail
      <input name="email" type="email" autocomplete="username" required />
    </label>
  );
}

export function Password({ isNew = false }: { isNew?: boolean }) {
  return (
    <label>
      {isNew ? "New password" : "Password"}
      <input
        name="password"
        type="password"
        autocomplete={isNew ? "new-password" : "current-password"}
        minLength={isNew ? 8 : undefined}
        aria-describedby={isNew ? "password-rule" : undefined}
        required
      />
      {isNew && <small id="password-rule">At least 8 characters</small>}
    </label>
  );
}
