# The charts of the report as one script: the files here and the library of package.json, bundled.
#     cmake -DSOURCE=analysis/report/charts -DWORK=build/charts -DOUT=build/charts.js -P bundle.cmake
# Nothing is written into the source. Without npm, or when it cannot fetch the packages, OUT is empty: the
# report then has its tables and static drawings alone. Configuring anew tries again.
set(limit 180)  # seconds

function(give_up reason)
    file(WRITE ${OUT} "")
    message("The report will have no interactive charts: ${reason}")
endfunction()

find_program(NPM npm)
if(NOT NPM)
    give_up("npm is not installed")
    return()
endif()
file(GLOB files ${SOURCE}/*.js ${SOURCE}/*.json)
file(MAKE_DIRECTORY ${WORK})
file(COPY ${files} DESTINATION ${WORK})

# `npm ci` begins by deleting what is there, so it runs only when the lock file is another one.
file(SHA256 ${SOURCE}/package-lock.json lock)
set(installed "")
if(EXISTS ${WORK}/installed)
    file(READ ${WORK}/installed installed)
endif()
if(NOT installed STREQUAL lock)
    execute_process(
        COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --prefer-offline
            --fetch-retries=1 --fetch-timeout=30000
        WORKING_DIRECTORY ${WORK} TIMEOUT ${limit} RESULT_VARIABLE failed
        OUTPUT_VARIABLE log ERROR_VARIABLE log)
    if(failed)
        string(REGEX MATCH "npm (ERR!|error)[^\n]*" why "${log}")
        give_up("npm could not fetch its packages (${failed}) ${why}")
        return()
    endif()
    file(WRITE ${WORK}/installed ${lock})
endif()
execute_process(
    COMMAND ${WORK}/node_modules/.bin/esbuild main.js --bundle --minify --format=iife
        --target=es2020 --legal-comments=none --outfile=bundle.js
        "--banner:js=/*! Apache ECharts (Apache-2.0), zrender (BSD-3-Clause), tslib (0BSD) */"
    WORKING_DIRECTORY ${WORK} TIMEOUT ${limit} RESULT_VARIABLE failed
    OUTPUT_VARIABLE log ERROR_VARIABLE log)
if(failed)
    give_up("the bundler failed (${failed}): ${log}")
    return()
endif()
file(RENAME ${WORK}/bundle.js ${OUT})
