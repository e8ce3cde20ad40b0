DROP TABLE ballot_position;
