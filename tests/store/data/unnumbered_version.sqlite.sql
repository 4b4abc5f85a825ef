PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE events (
	user_id TEXT NOT NULL, 
	product_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	mark TEXT DEFAULT '' NOT NULL, 
	value FLOAT NOT NULL, 
	at BIGINT, 
	number BIGINT NOT NULL, 
	taken_back FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (user_id, product_id, kind, mark)
)
 WITHOUT ROWID

;
INSERT INTO events VALUES('a','x','rating','',3.0,5,1795945406107663,0.0);
INSERT INTO events VALUES('a','y','purchase','i1',2.0,NULL,1795945406083625,1.0);
INSERT INTO events VALUES('a','y','return','r1',1.0,20,1795945406107665,0.0);
INSERT INTO events VALUES('z','x','rating','',4.0,10,1795945406083624,0.0);
INSERT INTO events VALUES('é''b','日本','view','7',1.0,7,1795945406107664,0.0);
CREATE TABLE event_ids (
	event_id TEXT NOT NULL, 
	product_id TEXT NOT NULL, 
	PRIMARY KEY (event_id)
);
INSERT INTO event_ids VALUES('e1','x');
CREATE TABLE searches (
	"query" TEXT NOT NULL, 
	product_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	mark TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY ("query", product_id, kind, mark)
);
INSERT INTO searches VALUES('red lamp','x','click','id:e9',5);
CREATE TABLE served (
	request_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	release TEXT NOT NULL, 
	made_for TEXT NOT NULL, 
	asked TEXT, 
	products TEXT NOT NULL, 
	PRIMARY KEY (request_id, number)
);
INSERT INTO served VALUES('r1',1,1728043200,'R','user',NULL,'[["x","als"],["y","als"]]');
CREATE TABLE shown (
	day BIGINT NOT NULL, 
	release TEXT NOT NULL, 
	made_for TEXT NOT NULL, 
	source TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	count BIGINT NOT NULL, 
	PRIMARY KEY (day, release, made_for, source, position)
);
INSERT INTO shown VALUES(20000,'R','user','als',1,1);
INSERT INTO shown VALUES(20000,'R','user','als',2,1);
CREATE TABLE followed (
	request_id TEXT NOT NULL, 
	product_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	mark TEXT NOT NULL, 
	day BIGINT, 
	release TEXT, 
	made_for TEXT, 
	source TEXT, 
	position BIGINT, 
	PRIMARY KEY (request_id, product_id, kind)
);
INSERT INTO followed VALUES('r1','y','click',1728043205,'m',20000,'R','user','als',2);
INSERT INTO followed VALUES('unknown','y','click',1728043206,'m',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE products (
	product_id TEXT NOT NULL, 
	title TEXT, 
	description TEXT, 
	category TEXT, 
	brand TEXT, 
	price FLOAT, 
	image_url TEXT, 
	stock INTEGER, 
	withdrawn BOOLEAN, 
	made_up BOOLEAN DEFAULT '0' NOT NULL, 
	PRIMARY KEY (product_id)
);
INSERT INTO products VALUES('x','X',NULL,NULL,'Brio',1.5,NULL,3,1,0);
INSERT INTO products VALUES('y',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO products VALUES('日本',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO products VALUES('never sold',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE runs (
	run_id TEXT NOT NULL, 
	"trigger" TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	status TEXT NOT NULL, 
	due BIGINT, 
	finished_at BIGINT, 
	release TEXT, 
	message TEXT DEFAULT '' NOT NULL, 
	host TEXT DEFAULT '' NOT NULL, 
	attempt INTEGER DEFAULT '1' NOT NULL, 
	model_type TEXT DEFAULT 'all' NOT NULL, 
	progress TEXT DEFAULT '' NOT NULL, 
	verdict TEXT, 
	PRIMARY KEY (run_id), 
	UNIQUE (due)
);
INSERT INTO runs VALUES('one','night',5,'succeeded',1000,9,'R','went ''well'' – ✓','h:1',2,'svd','done','{"promoted": true, "x": [1.5, null]}');
CREATE TABLE scores (
	at BIGINT NOT NULL, 
	release TEXT NOT NULL, 
	details TEXT NOT NULL, 
	PRIMARY KEY (at, release)
);
INSERT INTO scores VALUES(30,'R','{"n_events": 4, "n_users": 0, "n_ratings": 0, "recall_at_10": null, "ndcg_at_10": 0.25, "ndcg_low": null, "ndcg_high": null, "coverage": null, "rmse": null, "rmse_low": null, "message": "m"}');
CREATE TABLE changes (
	what TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (what)
);
INSERT INTO changes VALUES('events',1795945406111075);
INSERT INTO changes VALUES('products',1795945406138363);
CREATE TABLE loads (
	load_id TEXT NOT NULL, 
	file TEXT NOT NULL, 
	layout TEXT NOT NULL, 
	loaded_at BIGINT NOT NULL, 
	details TEXT NOT NULL, 
	PRIMARY KEY (load_id)
);
INSERT INTO loads VALUES('l1','ratings.csv','user, product',20,'{"n_read": 3, "n_kept": 2, "n_events": 2, "n_stored": 1, "n_products": 0, "newest_at": 9, "known_users": null, "known_products": null, "rejected": {"no product \u2013 ''x''": 1}, "mended": {"price": 2}, "nulls": {}}');
CREATE INDEX events_returns ON events (user_id, product_id) WHERE kind = 'return';
CREATE INDEX searches_at ON searches (at);
CREATE INDEX served_at ON served (at);
CREATE INDEX followed_day ON followed (day);
CREATE INDEX followed_at ON followed (at);
CREATE INDEX products_withdrawn ON products (product_id) WHERE withdrawn = 1;
CREATE INDEX products_made_up ON products (product_id) WHERE made_up = 1;
CREATE INDEX products_category ON products (category, withdrawn) WHERE category IS NOT NULL;
CREATE INDEX runs_started ON runs (started_at);
CREATE INDEX loads_loaded ON loads (loaded_at);
COMMIT;
