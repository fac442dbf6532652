-- Functions look up types and tables in pg_catalog first, and in the session's temporary objects last.
--
-- With an empty search_path Postgres still looks for types and tables among the temporary objects, and there first. Whoever
-- could call a function that runs with its owner's rights could make it use a type of their own, whose check then ran with
-- the rights of the owner of the tables.

do $$
declare
  each regprocedure;
begin
  for each in
    select p.oid from pg_catalog.pg_proc p
    where p.pronamespace = 'app'::regnamespace and 'search_path=""' = any (p.proconfig)
  loop
    execute format('alter function %s set search_path = pg_catalog, pg_temp', each);
  end loop;

  -- These had none, and name nothing outside pg_catalog without its schema.
  foreach each in array array[
    'app.standing(int)', 'app.prepare_recall(text)', 'app.ensure_one_model()', 'app.ensure_chats()',
    'app.give_up_reembedding()', 'app.without_next_vector(text, text, int)', 'app.lock_vectors()',
    'app.swap_vectors(bigint)', 'app.owned_words(text, text)', 'app.asked_words(text, text[], boolean)']::regprocedure[]
  loop
    execute format('alter function %s set search_path = pg_catalog, pg_temp', each);
  end loop;
end $$;

-- The body of this one is written into the queries that use it, which a setting would prevent: its only type is named with
-- its schema instead.
create or replace function app.lexemes(written text) returns table (lexeme text, tf int)
  language sql immutable parallel safe
  as $$
    select word.lexeme, coalesce(cardinality(word.positions), 1)
    from unnest(to_tsvector('pg_catalog.english'::pg_catalog.regconfig, app.plain_words(written))) word
    where length(word.lexeme) <= 64
  $$;
