-- Figures of the queue for whoever watches a deployment: how many turns and imported messages wait, how many of these rest
-- after a failure, for how many seconds the oldest has been due, and how many were given up. It counts across people, so it
-- runs with its owner's rights and returns numbers only. Chats that were deleted do not count: nothing is learned from them.

-- Turns, and messages that wait, have their indexes already.
create index lessons_given_up on app.lessons (user_id) where state = 'given up';

create function app.queue_figures()
  returns table (
    turns_waiting bigint, turns_resting bigint, turns_given_up bigint, turns_overdue float8,
    imports_waiting bigint, imports_resting bigint, imports_given_up bigint, imports_overdue float8)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select turns.waiting, turns.resting, gave_up.turns, turns.overdue,
      lessons.waiting, lessons.resting, gave_up.lessons, lessons.overdue
    from (
      select count(*) as waiting,
        count(*) filter (where m.remember_attempts + m.remember_waits > 0) as resting,
        coalesce(extract(epoch from max(now() - m.remember_after) filter (where m.remember_after <= now())), 0)::float8
          as overdue
      from app.messages m join app.conversations c on c.id = m.conversation_id and c.deleted_at is null
      where m.remembering = 'waiting') turns,
    (
      select count(*) as waiting, count(*) filter (where l.attempts + l.waits > 0) as resting,
        coalesce(extract(epoch from max(now() - l.after) filter (where l.after <= now())), 0)::float8 as overdue
      from app.lessons l where l.state = 'waiting') lessons,
    (
      select
        (select count(*) from app.messages m join app.conversations c on c.id = m.conversation_id
          and c.deleted_at is null where m.remembering = 'given up') as turns,
        (select count(*) from app.lessons l where l.state = 'given up') as lessons) gave_up
  $$;
revoke all on function app.queue_figures() from public;
grant execute on function app.queue_figures() to keepsake_worker;
