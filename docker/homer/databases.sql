-- Databases of Homer, made at the first start of its store.
CREATE DATABASE homer_data;
CREATE DATABASE homer_config;
