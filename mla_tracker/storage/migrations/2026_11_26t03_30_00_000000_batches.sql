-- Which mails go out as one: the id of the first of them, given at the first try and kept, so that a second copy of the
-- message says the same under the same Message-ID.
alter table mail add column batch uuid;
create index mail_together on mail (batch) where status in ('waiting', 'claimed');
create index mail_alone on mail (account_id) where kind = 'urgent' and status = 'waiting' and batch is null;
