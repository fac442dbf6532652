-- Whoever refreshes the tokens of a session notes until when, so that nobody else uses the same refresh token meanwhile.
-- The auth server is asked without a transaction. If the process dies, the claim ends by itself.

alter table app.sessions add column refreshing_until timestamptz;
