-- What a person says about a reply. It is shown to them again and exported with their data; nobody else reads it.

alter table app.messages
  add column feedback smallint check (feedback in (-1, 1)),
  add column feedback_why text not null default '' check (length(feedback_why) <= 500),
  add constraint feedback_on_replies check (feedback is null or role = 'assistant');
