DROP TABLE open_look_up;
