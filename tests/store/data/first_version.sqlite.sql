PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE events (
	id INTEGER NOT NULL, 
	user_id TEXT NOT NULL, 
	product_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	value FLOAT NOT NULL, 
	at BIGINT, 
	mark TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT events_same UNIQUE (user_id, product_id, kind, mark)
);
INSERT INTO events VALUES(1,'z','x','rating',4.0,10,'');
INSERT INTO events VALUES(2,'a','y','purchase',2.0,NULL,'i1');
INSERT INTO events VALUES(3,'a','x','rating',3.0,5,'');
INSERT INTO events VALUES(4,'é''b','日本','view',1.0,7,'7');
CREATE TABLE event_ids (
	event_id TEXT NOT NULL, 
	product_id TEXT NOT NULL, 
	PRIMARY KEY (event_id)
);
INSERT INTO event_ids VALUES('e1','x');
CREATE TABLE products (
	product_id TEXT NOT NULL, 
	title TEXT, 
	description TEXT, 
	category TEXT, 
	price FLOAT, 
	image_url TEXT, 
	stock INTEGER, 
	made_up BOOLEAN DEFAULT '0' NOT NULL, 
	PRIMARY KEY (product_id)
);
INSERT INTO products VALUES('x','X',NULL,NULL,1.5,NULL,NULL,0);
INSERT INTO products VALUES('never sold',NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE runs (
	run_id TEXT NOT NULL, 
	"trigger" TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	status TEXT NOT NULL, 
	due BIGINT, 
	finished_at BIGINT, 
	release TEXT, 
	message TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (run_id), 
	UNIQUE (due)
);
INSERT INTO runs VALUES('one','night',5,'succeeded',1000,9,'R','went ''well'' – ✓');
CREATE INDEX runs_started ON runs (started_at);
COMMIT;
