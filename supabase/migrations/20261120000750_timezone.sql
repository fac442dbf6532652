-- A timezone that the person chose stands; otherwise the browser's is noted at each visit.
alter table app.people add column timezone_chosen boolean not null default false;
