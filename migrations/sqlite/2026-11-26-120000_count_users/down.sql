DROP TRIGGER count_user_that_changes;
DROP TRIGGER count_user_that_goes;
DROP TRIGGER count_user_that_comes;
DROP TABLE user_counts;
