-- Run once by the image, when the server is new: a database for each service, and a role that owns only it.
\set ON_ERROR_STOP on
\getenv orders_password ORDERS_PASSWORD
\getenv dispatch_password DISPATCH_PASSWORD

CREATE ROLE orders LOGIN PASSWORD :'orders_password';
CREATE DATABASE orders OWNER orders;
REVOKE ALL ON DATABASE orders FROM PUBLIC;

CREATE ROLE dispatch LOGIN PASSWORD :'dispatch_password';
CREATE DATABASE dispatch OWNER dispatch;
REVOKE ALL ON DATABASE dispatch FROM PUBLIC;
