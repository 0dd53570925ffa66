"""Why a reading is what it is: functions of callables that know nothing of files, experts or reports."""
