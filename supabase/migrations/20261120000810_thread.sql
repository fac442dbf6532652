-- What a person says about a reply, to be shown again and taken along when they leave; nobody else reads it.

alter table app.messages
  add column feedback smallint check (feedback in (-1, 1)),
  add column feedback_why text not null default '' check (length(feedback_why) <= 500),
  add constraint feedback_on_replies check (feedback is null or role = 'assistant');
