-- The role owns its database and nothing else; set its password afterwards.
CREATE ROLE pilotage LOGIN;
CREATE DATABASE pilotage OWNER pilotage ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE pilotage FROM PUBLIC;
