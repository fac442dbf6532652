-- Memories that the person marked as always included (`always_included: true` in the metadata) are given with every reply,
-- beside the instructions. Only the person sets and removes the mark, also by importing their own file; merging keeps it.

-- Keeps the mark as it was where anybody else writes: the model, the rules, another program.
create function app.keep_mark() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
begin
  if coalesce(current_setting('keepsake.actor', true), '') in ('person', 'import', 'tidy') then
    return new;
  end if;
  new.metadata := new.metadata - 'always_included';
  if tg_op = 'UPDATE' and old.metadata -> 'always_included' = 'true'::jsonb then
    new.metadata := new.metadata || '{"always_included": true}'::jsonb;
  end if;
  return new;
end $$;
revoke all on function app.keep_mark() from public;

-- Prepares the table of memories, also one that another program made: what claims the mark there has it from elsewhere.
create or replace function app.ensure_sources() returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
begin
  execute 'drop trigger if exists keep_source on vecs.memories';
  execute 'create trigger keep_source before update of metadata on vecs.memories
             for each row execute function app.keep_source()';
  if exists (select from pg_trigger where tgrelid = 'vecs.memories'::regclass and tgname = 'keep_mark') then
    return;
  end if;
  execute 'update vecs.memories set metadata = metadata - ''always_included''
             where metadata -> ''always_included'' = ''true''::jsonb';
  execute 'create index if not exists memories_always on vecs.memories (user_id)
             where metadata -> ''always_included'' = ''true''::jsonb';
  execute 'create trigger keep_mark before insert on vecs.memories for each row
             when (new.metadata -> ''always_included'' = ''true''::jsonb) execute function app.keep_mark()';
  execute 'create trigger keep_mark_of before update of metadata on vecs.memories for each row
             when ((new.metadata -> ''always_included'' = ''true''::jsonb)
               is distinct from (old.metadata -> ''always_included'' = ''true''::jsonb))
             execute function app.keep_mark()';
end $$;

-- The memories that are given without being asked for: how the person wants to be answered and what they marked, with every
-- reply; and with `newest` what was learned last, for a question about nothing in particular ("What do you know about me?").
-- The function of the same name with one argument belongs to earlier versions of the app, which may still run beside this one.
create function app.standing(wanted int, newest boolean) returns table (id varchar, metadata jsonb)
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
  as $$
#variable_conflict use_column
declare
  me text := app.asking();
  today text := to_char(now(), 'YYYY-MM-DD');
begin
  return query
  (select m.id, m.metadata from vecs.memories m
   where m.user_id = me and m.metadata ->> 'kind' = 'instruction'
     and (m.expires is null or m.expires >= today)
   order by m.metadata -> 'always_included' is distinct from 'true'::jsonb, m.place limit wanted)
  union all
  (select m.id, m.metadata from vecs.memories m
   where m.user_id = me and m.metadata -> 'always_included' = 'true'::jsonb
     and m.metadata ->> 'kind' is distinct from 'instruction' and (m.expires is null or m.expires >= today)
   order by coalesce(m.metadata ->> 'updated_at', m.metadata ->> 'created_at') desc nulls last, m.place limit wanted)
  union all
  (select m.id, m.metadata from vecs.memories m
   where newest and m.user_id = me and m.place < 0 and coalesce(m.metadata ->> 'kind', 'fact') <> 'instruction'
     and m.metadata -> 'always_included' is distinct from 'true'::jsonb
     and (m.expires is null or m.expires >= today)
   order by m.place limit wanted);
end $$;
