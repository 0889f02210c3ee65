DROP TABLE unwiped_erasures;
