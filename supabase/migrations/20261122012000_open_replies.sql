-- Replies that are being written, so that every process knows those of the others: who writes which one, whether it
-- still does, and whether somebody asked it to stop. The words are in app.messages, as they were saved last.

create table app.open_replies (
  conversation_id uuid primary key,       -- one reply at a time is written in a chat
  user_id text not null default app.asking() check (length(user_id) between 1 and 255),
  message_id uuid not null,               -- the message that is answered
  reply_id uuid,                          -- the row that the reply is saved in, once there is one
  writer uuid not null,                   -- the process that writes
  open_until timestamptz not null,        -- from then on the writer counts as dead; it renews this while it lives
  saves int not null default 0,           -- how often words were saved: others read them when this changes
  stop_wanted boolean not null default false,
  watched_until timestamptz,              -- until then a page of another process shows the reply
  foreign key (message_id, conversation_id, user_id) references app.messages (id, conversation_id, user_id)
    on delete cascade
);
create index open_replies_of_user on app.open_replies (user_id);

alter table app.open_replies enable row level security;
alter table app.open_replies force row level security;
create policy own_open_replies on app.open_replies to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, update, delete on app.open_replies to authenticated;

-- How long a writer counts as alive after it was last heard of.
create function app.open_reply_length() returns interval
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select interval '20 seconds' $$;

-- Renews the replies of one process in one statement, whosever they are. A message whose reply is not among the rows that
-- come back is answered by another process now, or gone.
create function app.renew_open_replies(whose uuid, answered uuid[])
  returns table (message_id uuid, stop_wanted boolean, watched boolean)
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  update app.open_replies o set open_until = clock_timestamp() + app.open_reply_length()
  where o.writer = whose and o.message_id = any (answered)
  returning o.message_id, o.stop_wanted, coalesce(o.watched_until > clock_timestamp(), false)
$$;
revoke all on function app.renew_open_replies(uuid, uuid[]) from public;
grant execute on function app.renew_open_replies(uuid, uuid[]) to keepsake_worker;

-- Looks for all pages of a process together whether there is anything new to read, each as its own person. It returns no
-- more than ids and counts.
create function app.look_at_open_replies(chats uuid[]) returns table (conversation_id uuid, message_id uuid, saves int)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
  select o.conversation_id, o.message_id, o.saves from app.open_replies o
  where o.conversation_id = any (chats) and o.open_until > clock_timestamp()
$$;
revoke all on function app.look_at_open_replies(uuid[]) from public;
grant execute on function app.look_at_open_replies(uuid[]) to keepsake_worker;
