// Made by `npm run types` of the API's description. Do not edit.

export interface paths {
    "/api/v1/about": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says what the master is made of and how much it keeps; where, to admins */
        get: operations["about"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/attention": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what needs a person, the most urgent first; who asks to be let in is told to admins */
        get: operations["attention"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what was done to the farm, by whom and from where, the newest first; with after the oldest first, held until there is something */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads a backup of the farm as it is now: a tar without whose last entry, netrender.end, it is not whole */
        get: operations["getBackup"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/balance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells what the balancer sees of the jobs, in the order in which they would get a slot that any of them may have */
        get: operations["balance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/blobs/chunks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells which chunks a PUT may have copied. In: SHA-256 of each, 32 bytes, at most 4096 of them; out: a bit of each, the first the lowest of the first byte */
        post: operations["knownChunks"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/blobs/{ref}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads a blob of a job that is leased to the caller, or a range of it; packed by zstd when that is accepted and worth it */
        get: operations["getBlob"];
        /** Sends a blob from an offset on. 201: whole and verified; 202: go on at Upload-Offset; 409: begin at Upload-Offset */
        put: operations["putBlob"];
        post?: never;
        delete?: never;
        options?: never;
        /** Tells whether a blob is there; if not, Upload-Offset of the 404 says how much of it is, and Upload-Chunks how chunks are cut if any are known */
        head: operations["hasBlob"];
        patch?: never;
        trace?: never;
    };
    "/api/v1/blobs/{ref}/recipe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells the chunks of a blob of a job that is leased to the caller: "nr-cuts1", then SHA-256 and size (4 bytes, big endian) of each, then the SHA-256 of all that */
        get: operations["getRecipe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/blobs/{ref}/sources": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells a worker where to fetch a blob of a job that is leased to it: from another worker, or from the master */
        post: operations["sources"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/claim": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Asks for a lease; held until there is one. 204 when there is none */
        post: operations["claim"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/cleaning": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows what the farm removes of ended jobs by itself */
        get: operations["getCleaning"];
        /** Replaces the rules of cleaning */
        put: operations["setCleaning"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/cleaning/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells what would go now under other rules; nothing does. The answer is lines of JSON as those of clean */
        post: operations["previewCleaning"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/cleaning/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Cleans by the rules now. The answer is lines of JSON: one with an item for each part of a job that goes, the last with end, and error if it failed */
        post: operations["clean"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Events as they happen, as text/event-stream; data is an Event */
        get: operations["watchEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/glance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the farm at a glance: jobs in progress, the last that ended, a word of each worker, the newest pictures; at most half a second old */
        get: operations["glance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes a job of what archiveJob gave, whole or not at all */
        post: operations["importJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/info": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says who the master is */
        get: operations["getInfo"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists jobs, newest first when no other order is asked for */
        get: operations["listJobs"];
        put?: never;
        /** Announces a job with its manifest; the answer names blobs to upload */
        post: operations["submitJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/actions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Does something to many jobs, and tells what became of each: pause, resume, cancel, retry, delete or priority; to those of some numbers, or to those that a filter selects */
        post: operations["actOnJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a job */
        get: operations["getJob"];
        put?: never;
        post?: never;
        /** Forgets a job with its results and logs */
        delete: operations["deleteJob"];
        options?: never;
        head?: never;
        /** Changes settings of a job */
        patch: operations["changeJob"];
        trace?: never;
    };
    "/api/v1/jobs/{id}/archive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads a job into one file: a tar packed by zstd, without whose last entry, netrender.end, it is not whole. The scene's files are for the job's owner and for admins */
        get: operations["archiveJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/attempts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists attempts in the order they ended; held until there is one */
        get: operations["listAttempts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Stops a job on all workers */
        post: operations["cancelJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists a job's manifest by path; to a worker's token, of jobs that are leased to it */
        get: operations["listFiles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/film": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads the film that was made of a job's frames, or a range of it */
        get: operations["getFilm"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/film/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads a film of the previews that are there now: Motion JPEG in AVI, with frames that are missing marked. Its Content-Length is known; one that is shorter is broken */
        get: operations["getPreviewFilm"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/frames": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sorts a job's frames by what became of them */
        get: operations["getFrames"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/frames/{frame}/layer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads a pass as a picture: rows from the top, in each pixel red, green, blue and alpha as halves (IEEE 754 binary16, little-endian), packed by gzip or zstd when that is asked for. Color: as it is, scene-linear. Vector: X, Y, Z and W. UV: U and V as red and green. Others: the value as grey. Values are to be multiplied by Layer-Scale */
        get: operations["getLayer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/frames/{frame}/layers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the passes of a frame's multilayer EXR */
        get: operations["listLayers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/frames/{frame}/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads a small picture (JPEG) of a frame: its preview when it is done. Of a frame that is rendered in parts what there is of it, about a second old at most: tiles in their places, or the mean of the samples that came; it is shown as sRGB, without the scene's colour management, compositor and denoising, and Preview-Parts says which part of all is in it, as 7/12 */
        get: operations["getFramePreview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/grid": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows what became of a job's frames, in columns; packed by gzip or zstd when that is asked for */
        get: operations["getGrid"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/inspection": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads what a worker's Blender found in a scene, of one's own job that was submitted with inspect; 404 until it is there */
        get: operations["getInspection"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads a piece of a frame's log; held until there is more */
        get: operations["readLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/missing": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the files of a job whose bytes are not there */
        get: operations["listMissing"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Holds a job; frames being rendered are finished */
        post: operations["pauseJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/results.zip": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads results of a job as one zip, with the names that they have on the disk and nothing packed. Its Content-Length is known; one that is shorter is broken */
        get: operations["getResults"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/results/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads a result of a job, or a range of it */
        get: operations["getResult"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Lets a held job go on */
        post: operations["resumeJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Renders frames again */
        post: operations["retryJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/running": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists a job's leases */
        get: operations["listRunning"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/suspect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells that a frame's result is not what it should be: the master reads it, and has the frame rendered again if that is so */
        post: operations["suspectResult"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/warnings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what may be wrong with a job's pictures, each sentence once */
        get: operations["listWarnings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{id}/why": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Explains why a job does or does not get workers */
        get: operations["whyJob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/leases/{id}/caches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Hands over complete files of a bake that goes on, so that frames may begin */
        post: operations["cachesReady"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/leases/{id}/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Adds to the log of a leased frame */
        post: operations["appendLog"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/leases/{id}/parts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the results that a lease's task is made of */
        get: operations["listParts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/leases/{id}/parts/{task}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reads one of them, or a range of it */
        get: operations["getPart"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/leases/{id}/parts/{task}/suspect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says that one of them is not what it should be */
        post: operations["suspectPart"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/leases/{id}/results": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Sends a file that a leased frame produced, from an offset on. 204: whole and verified; 202: go on at Upload-Offset; 409 with Upload-Offset: begin there */
        put: operations["putResult"];
        post?: never;
        delete?: never;
        options?: never;
        /** Tells whether a result of a leased frame is there; if not, Upload-Offset of the 404 says how much of it is */
        head: operations["hasResult"];
        patch?: never;
        trace?: never;
    };
    "/api/v1/logins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the browsers that are logged in, the newest visit first */
        get: operations["listLogins"];
        put?: never;
        /** Makes a link that lets one browser in, once, with the role of the token */
        post: operations["askLogin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/logins/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Logs a browser out at once */
        delete: operations["endLogin"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists where the farm tells what happened, without secrets, and what it can tell */
        get: operations["listTargets"];
        put?: never;
        /** Makes a target of notifications: a webhook, whose secret is shown once, or a service of chat or e-mail */
        post: operations["addTarget"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what became of messages since the start, and which wait, the newest first */
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Forgets a target and what waits for it */
        delete: operations["removeTarget"];
        options?: never;
        head?: never;
        /** Changes a target of notifications; a new secret is shown once */
        patch: operations["changeTarget"];
        trace?: never;
    };
    "/api/v1/notifications/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends a message to a target now, and tells what it answered within 10 s */
        post: operations["testTarget"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pairings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists who asks to be let in */
        get: operations["listPairings"];
        put?: never;
        /** Asks to be let in; the answer has the code to show */
        post: operations["askPairing"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pairings/poll": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Asks how a pairing stands; held while it waits */
        post: operations["pollPairing"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pairings/{code}/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Answers who asks to be let in: accept */
        post: operations["acceptPairing"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pairings/{code}/refuse": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Answers who asks to be let in: refuse */
        post: operations["refusePairing"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/prove": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Proves to the holder of a token that it is known here, before it is shown */
        post: operations["prove"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says what became of leased frames, and may ask for the next lease */
        post: operations["report"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the settings of balancing, failure and leases */
        get: operations["getRules"];
        /** Replaces the rules */
        put: operations["setRules"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rules/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells what other rules would change; changes nothing */
        post: operations["previewRules"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/share": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells how the slots of the farm were shared out: a value every step_ms, the last one of the time end */
        get: operations["share"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/statistics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells what was rendered, by whom and for whom, also for jobs that are deleted; as JSON, or as a table with format=csv */
        get: operations["statistics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists tokens, without their secrets */
        get: operations["listTokens"];
        put?: never;
        /** Makes a token; its secret is shown once */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Makes a token worthless at once */
        delete: operations["revokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Reads every stored file and result and compares it with its hash. The answer is lines of JSON: those with an item tell what is found and how far it is, the last has end, and error if it failed */
        post: operations["verify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whoami": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whose token makes the call */
        get: operations["whoami"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists workers by name */
        get: operations["listWorkers"];
        put?: never;
        /** Presents a worker */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workers/fit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells how many workers may render a job with certain needs, and what the others lack */
        post: operations["fitWorkers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workers/split": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells into how many parts each frame of a job is best cut, by what a probe found and how many slots could take parts now; without a probe, whether one is worth making */
        post: operations["splitFrames"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows a worker; by id or name */
        get: operations["getWorker"];
        put?: never;
        post?: never;
        /** Forgets a worker */
        delete: operations["deleteWorker"];
        options?: never;
        head?: never;
        /** Changes settings of a worker */
        patch: operations["changeWorker"];
        trace?: never;
    };
    "/api/v1/workers/{id}/heartbeat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A worker's sign of life; held until there are orders */
        post: operations["heartbeat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/workers/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells what a worker's machine did lately, a value every step_ms, what it does now, and its last attempts; by id or name */
        get: operations["workerHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        About: {
            arch?: string;
            backup?: components["schemas"]["BackupAge"];
            counts?: components["schemas"]["AboutCounts"];
            data_folder?: string;
            database?: components["schemas"]["StoreAbout"];
            disk?: components["schemas"]["Disk"];
            go?: string;
            /** Format: date-time */
            now?: string;
            os?: string;
            program?: string;
            /** Format: int64 */
            protocol?: number;
            /** Format: date-time */
            started?: string;
            /** Format: double */
            uptime_s?: number;
        } & {
            [key: string]: unknown;
        };
        AboutCounts: {
            /** Format: int64 */
            jobs?: number;
            /** Format: int64 */
            jobs_in_progress?: number;
            /** Format: int64 */
            slots?: number;
            /** Format: int64 */
            slots_busy?: number;
            /** Format: int64 */
            tokens?: number;
            /** Format: int64 */
            watchers?: number;
            /** Format: int64 */
            workers?: number;
            /** Format: int64 */
            workers_online?: number;
        } & {
            [key: string]: unknown;
        };
        ActionFilter: {
            owner?: string;
            q?: string;
            scene?: string;
            state?: string[] | null;
        } & {
            [key: string]: unknown;
        };
        ActionReply: {
            /** Format: int64 */
            done?: number;
            /** Format: int64 */
            refused?: number;
            results?: components["schemas"]["ActionResult"][] | null;
        } & {
            [key: string]: unknown;
        };
        ActionRequest: {
            action?: string;
            all?: boolean;
            filter?: components["schemas"]["ActionFilter"];
            ids?: number[] | null;
            /** Format: int64 */
            priority?: number;
        } & {
            [key: string]: unknown;
        };
        ActionResult: {
            error?: string;
            hint?: string;
            /** Format: int64 */
            id?: number;
            kind?: string;
            ok?: boolean;
            state?: string;
        } & {
            [key: string]: unknown;
        };
        Answer: {
            answer?: string;
            gone?: boolean;
            ok?: boolean;
            /** Format: int64 */
            status?: number;
            /** Format: double */
            took_s?: number;
        } & {
            [key: string]: unknown;
        };
        ArchiveLack: {
            name?: string;
            why?: string;
        } & {
            [key: string]: unknown;
        };
        Attempt: {
            /** Format: int64 */
            attempt?: number;
            /** Format: date-time */
            ended?: string;
            error?: string;
            final?: boolean;
            /** Format: int64 */
            frame?: number;
            install?: string;
            /** Format: int64 */
            job?: number;
            /** Format: int64 */
            lease?: number;
            /** Format: int64 */
            memory_mb?: number;
            outcome?: string;
            /** Format: int64 */
            part?: number;
            results?: components["schemas"]["Result"][] | null;
            /** Format: double */
            seconds?: number;
            /** Format: int64 */
            seq?: number;
            stage?: string;
            /** Format: date-time */
            started?: string;
            /** Format: int64 */
            task?: number;
            warnings?: string[] | null;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        AttemptList: {
            attempts?: components["schemas"]["Attempt"][] | null;
            ended?: boolean;
            /** Format: int64 */
            next?: number;
        } & {
            [key: string]: unknown;
        };
        Attention: {
            code?: string;
            hint?: string;
            id?: string;
            /** Format: int64 */
            job?: number;
            kind?: string;
            name?: string;
            /** Format: date-time */
            since?: string;
            text?: string;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        AttentionList: {
            attention?: components["schemas"]["Attention"][] | null;
            /** Format: int64 */
            more?: number;
        } & {
            [key: string]: unknown;
        };
        Audit: {
            action?: string;
            address?: string;
            role?: string;
            /** Format: int64 */
            seq?: number;
            subject?: string;
            text?: string;
            /** Format: date-time */
            time?: string;
            token?: string;
            who?: string;
        } & {
            [key: string]: unknown;
        };
        AuditList: {
            entries?: components["schemas"]["Audit"][] | null;
            /** Format: int64 */
            next?: number;
        } & {
            [key: string]: unknown;
        };
        BackupAge: {
            /** Format: double */
            age_s?: number;
            /** Format: date-time */
            time?: string;
        } & {
            [key: string]: unknown;
        };
        Balance: {
            /** Format: int64 */
            busy?: number;
            /** Format: int64 */
            in_all?: number;
            jobs?: components["schemas"]["JobBalance"][] | null;
            pools?: components["schemas"]["Pool"][] | null;
            /** Format: int64 */
            slots?: number;
        } & {
            [key: string]: unknown;
        };
        Beat: {
            /** Format: double */
            fraction?: number;
            /** Format: int64 */
            frame?: number;
            /** Format: int64 */
            lease?: number;
            /** Format: double */
            left_s?: number;
            /** Format: int64 */
            memory_mb?: number;
            phase?: string;
            started?: boolean;
        } & {
            [key: string]: unknown;
        };
        Blender: {
            addons?: string[] | null;
            bakes?: string[] | null;
            denoiser?: boolean;
            engines?: string[] | null;
            module?: boolean;
            version?: string;
        } & {
            [key: string]: unknown;
        };
        CacheReply: {
            missing?: string[] | null;
            other?: boolean;
        } & {
            [key: string]: unknown;
        };
        CacheRequest: {
            /** Format: int64 */
            ready?: number;
            results?: components["schemas"]["Result"][] | null;
            /** Format: int64 */
            task?: number;
            whole?: boolean;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        CleanRule: {
            /** Format: double */
            canceled_days?: number;
            /** Format: double */
            done_days?: number;
            /** Format: double */
            failed_days?: number;
            /** Format: int64 */
            max_bytes?: number;
        } & {
            [key: string]: unknown;
        };
        Cleaned: {
            /** Format: int64 */
            bytes?: number;
            /** Format: int64 */
            job?: number;
            name?: string;
            part?: string;
            rule?: string;
        } & {
            [key: string]: unknown;
        };
        Cleaning: {
            inputs?: components["schemas"]["CleanRule"];
            logs?: components["schemas"]["CleanRule"];
            outputs?: components["schemas"]["CleanRule"];
        } & {
            [key: string]: unknown;
        };
        Damage: {
            /** Format: int64 */
            frame?: number;
            jobs?: number[] | null;
            mended?: boolean;
            name?: string;
            part?: string;
            sha256?: string;
            state?: string;
            text?: string;
        } & {
            [key: string]: unknown;
        };
        Delivery: {
            answer?: string;
            gone?: boolean;
            kind?: string;
            messages?: string[] | null;
            /** Format: date-time */
            next?: string;
            ok?: boolean;
            state?: string;
            /** Format: int64 */
            status?: number;
            target?: string;
            text?: string;
            /** Format: date-time */
            time?: string;
            /** Format: double */
            took_s?: number;
            /** Format: int64 */
            tries?: number;
        } & {
            [key: string]: unknown;
        };
        DeliveryList: {
            deliveries?: components["schemas"]["Delivery"][] | null;
        } & {
            [key: string]: unknown;
        };
        Disk: {
            /** Format: int64 */
            free?: number;
            /** Format: int64 */
            reserve?: number;
            /** Format: int64 */
            result_reserve?: number;
            state?: string;
            /** Format: int64 */
            total?: number;
        } & {
            [key: string]: unknown;
        };
        Event: {
            beat?: components["schemas"]["Beat"];
            /** Format: int64 */
            cursor?: number;
            /** Format: int64 */
            frame?: number;
            /** Format: int64 */
            job?: number;
            kind?: string;
            progress?: components["schemas"]["Progress"];
            /** Format: int64 */
            seq?: number;
            state?: string;
            text?: string;
            /** Format: date-time */
            time?: string;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        Facts: {
            arch?: string;
            blenders?: components["schemas"]["Blender"][] | null;
            confined?: boolean;
            /** Format: int64 */
            cores?: number;
            cpu?: string;
            devices?: string[] | null;
            /** Format: int64 */
            disk_free_mb?: number;
            gpus?: components["schemas"]["GPU"][] | null;
            host?: string;
            /** Format: int64 */
            memory_mb?: number;
            os?: string;
            program?: string;
            scripts?: boolean;
            shared?: string[] | null;
            /** Format: int64 */
            slots?: number;
            stages?: string[] | null;
            /** Format: int64 */
            utc_offset_min?: number;
        } & {
            [key: string]: unknown;
        };
        File: {
            /** Format: int64 */
            bake?: number;
            /** Format: int64 */
            first?: number;
            /** Format: int64 */
            last?: number;
            original?: string;
            path?: string;
            sha256?: string;
            /** Format: int64 */
            size?: number;
        } & {
            [key: string]: unknown;
        };
        FileList: {
            files?: components["schemas"]["File"][] | null;
            next?: string;
        } & {
            [key: string]: unknown;
        };
        Film: {
            format?: string;
        } & {
            [key: string]: unknown;
        };
        Fit: {
            /** Format: int64 */
            fit?: number;
            lacks?: components["schemas"]["Lack"][] | null;
            /** Format: int64 */
            online?: number;
            /** Format: int64 */
            slots?: number;
        } & {
            [key: string]: unknown;
        };
        FitRequest: {
            needs?: components["schemas"]["Needs"];
            scripts?: boolean;
        } & {
            [key: string]: unknown;
        };
        FrameGlance: {
            /** Format: date-time */
            ended?: string;
            file?: string;
            /** Format: int64 */
            frame?: number;
            /** Format: int64 */
            job?: number;
            name?: string;
        } & {
            [key: string]: unknown;
        };
        FrameStates: {
            done?: string;
            failed?: string;
            queued?: string;
            running?: string;
        } & {
            [key: string]: unknown;
        };
        GPU: {
            kind?: string;
            name?: string;
        } & {
            [key: string]: unknown;
        };
        Glance: {
            ended?: components["schemas"]["JobGlance"][] | null;
            jobs?: components["schemas"]["JobGlance"][] | null;
            /** Format: int64 */
            jobs_in_progress?: number;
            latest?: components["schemas"]["FrameGlance"][] | null;
            /** Format: date-time */
            now?: string;
            workers?: components["schemas"]["WorkerGlance"][] | null;
            /** Format: int64 */
            workers_not_shown?: number;
        } & {
            [key: string]: unknown;
        };
        Grant: {
            /** Format: int64 */
            baked?: number;
            bakes?: (components["schemas"]["Simulation"][] | null)[] | null;
            blend?: string;
            film?: components["schemas"]["Film"];
            folder?: string;
            in_order?: boolean;
            lease?: components["schemas"]["Lease"];
            name?: string;
            needs?: components["schemas"]["Needs"];
            options?: components["schemas"]["Options"];
            probe?: boolean;
            process?: components["schemas"]["Process"];
            /** Format: int64 */
            ready?: number;
            /** Format: int64 */
            samples_split?: number;
            scene?: string;
            shot?: components["schemas"]["Shot"];
            stage?: string;
            tiles?: string;
            /** Format: int64 */
            timeout_s?: number;
            /** Format: int64 */
            until?: number;
            views?: components["schemas"]["View"][] | null;
        } & {
            [key: string]: unknown;
        };
        Grid: {
            attempts?: number[] | null;
            /** Format: int64 */
            base?: number;
            /** Format: int64 */
            count?: number;
            failed?: number[] | null;
            frames?: string;
            /** Format: int64 */
            job?: number;
            memory?: number[] | null;
            /** Format: int64 */
            next?: number;
            parts?: number[] | null;
            seconds?: number[] | null;
            /** Format: int64 */
            seq?: number;
            started?: number[] | null;
            state?: string;
            states?: number[] | null;
            /** Format: int64 */
            total?: number;
            worker_list?: components["schemas"]["GridWorker"][] | null;
            workers?: number[] | null;
        } & {
            [key: string]: unknown;
        };
        GridWorker: {
            id?: string;
            name?: string;
        } & {
            [key: string]: unknown;
        };
        Heartbeat: {
            beats?: components["schemas"]["Beat"][] | null;
            leaves?: boolean;
            load?: components["schemas"]["Load"];
            /** Format: int64 */
            pace_ms?: number;
            /** Format: int64 */
            slots?: number;
            /** Format: int64 */
            wait_ms?: number;
        } & {
            [key: string]: unknown;
        };
        ImportReply: {
            again?: boolean;
            job?: components["schemas"]["Job"];
            missing?: components["schemas"]["ArchiveLack"][] | null;
        } & {
            [key: string]: unknown;
        };
        Info: {
            disk?: string;
            id?: string;
            name?: string;
            open?: boolean;
            pin?: string;
            program?: string;
            /** Format: int64 */
            protocol?: number;
            /** Format: int64 */
            time?: number;
        } & {
            [key: string]: unknown;
        };
        InspectedFile: {
            /** Format: int64 */
            first?: number;
            folder?: boolean;
            kind?: string;
            /** Format: int64 */
            last?: number;
            missing?: boolean;
            needed?: boolean;
            original?: string;
            path?: string;
            sequence?: boolean;
            stored?: string;
            users?: string[] | null;
        } & {
            [key: string]: unknown;
        };
        InspectedScene: {
            blender?: string;
            camera?: string;
            cameras?: string[] | null;
            clashes?: string[] | null;
            compositor?: boolean;
            denoiser?: string;
            engine?: string;
            format?: string;
            /** Format: double */
            fps?: number;
            /** Format: int64 */
            frame_current?: number;
            /** Format: int64 */
            frame_end?: number;
            /** Format: int64 */
            frame_start?: number;
            /** Format: int64 */
            frame_step?: number;
            gpu?: boolean;
            /** Format: int64 */
            height?: number;
            movie?: boolean;
            name?: string;
            no_engine?: boolean;
            output?: string;
            /** Format: int64 */
            output_nodes?: number;
            output_path?: string;
            /** Format: int64 */
            percent?: number;
            /** Format: int64 */
            samples?: number;
            saved_by?: string;
            scenes?: string[] | null;
            scripts?: string[] | null;
            sequencer?: boolean;
            unbaked?: string[] | null;
            unknown_nodes?: string[] | null;
            view_layers?: string[] | null;
            views?: string[] | null;
            /** Format: int64 */
            width?: number;
        } & {
            [key: string]: unknown;
        };
        InspectedSimulation: {
            /** Format: int64 */
            bake?: number;
            /** Format: int64 */
            end?: number;
            kind?: string;
            name?: string;
            owner?: string;
            refused?: string;
            /** Format: int64 */
            start?: number;
            text?: string;
        } & {
            [key: string]: unknown;
        };
        Inspection: {
            colours?: string;
            errors?: components["schemas"]["Obstacle"][] | null;
            files?: components["schemas"]["InspectedFile"][] | null;
            /** Format: int64 */
            files_cut?: number;
            /** Format: int64 */
            files_missing?: number;
            /** Format: int64 */
            files_total?: number;
            frames?: string;
            hint?: string;
            needs?: components["schemas"]["Needs"];
            probe?: components["schemas"]["Probe"];
            problem?: string;
            scene?: components["schemas"]["InspectedScene"];
            simulations?: components["schemas"]["InspectedSimulation"][] | null;
            warnings?: string[] | null;
        } & {
            [key: string]: unknown;
        };
        Job: {
            /** Format: int64 */
            attempts?: number;
            bakes?: (components["schemas"]["Simulation"][] | null)[] | null;
            blend?: string;
            /** Format: int64 */
            chunk?: number;
            /** Format: date-time */
            created?: string;
            /** Format: int64 */
            dispatched?: number;
            /** Format: int64 */
            done?: number;
            /** Format: date-time */
            ended?: string;
            /** Format: int64 */
            failed?: number;
            film?: components["schemas"]["Film"];
            folder?: string;
            /** Format: double */
            fps?: number;
            frames?: string;
            /** Format: int64 */
            id?: number;
            in_order?: boolean;
            inspect?: boolean;
            keep?: boolean;
            key?: string;
            /** Format: double */
            left_s?: number;
            /** Format: double */
            machine_seconds?: number;
            /** Format: int64 */
            missing?: number;
            name?: string;
            needs?: components["schemas"]["Needs"];
            options?: components["schemas"]["Options"];
            order?: string;
            owner?: string;
            owner_id?: string;
            /** Format: int64 */
            priority?: number;
            probe?: boolean;
            process?: components["schemas"]["Process"];
            reason?: string;
            removed?: components["schemas"]["Removal"][] | null;
            /** Format: double */
            render_seconds?: number;
            /** Format: int64 */
            running?: number;
            /** Format: int64 */
            samples_split?: number;
            scene_key?: string;
            stages?: components["schemas"]["StageProgress"][] | null;
            /** Format: date-time */
            started?: string;
            state?: string;
            tiles?: string;
            /** Format: int64 */
            timeout_s?: number;
            /** Format: int64 */
            total?: number;
            views?: components["schemas"]["View"][] | null;
        } & {
            [key: string]: unknown;
        };
        JobBalance: {
            /** Format: int64 */
            assigned?: number;
            /** Format: int64 */
            class?: number;
            class_name?: string;
            full?: boolean;
            /** Format: int64 */
            id?: number;
            /** Format: int64 */
            most?: number;
            name?: string;
            owner?: string;
            owner_id?: string;
            /** Format: int64 */
            priority?: number;
            /** Format: int64 */
            queued?: number;
            /** Format: double */
            rating?: number;
            /** Format: int64 */
            running?: number;
            /** Format: double */
            share?: number;
            /** Format: double */
            usage?: number;
        } & {
            [key: string]: unknown;
        };
        JobChange: {
            allow?: string[];
            /** Format: int64 */
            attempts?: number;
            deny?: string[];
            keep?: boolean;
            name?: string;
            /** Format: int64 */
            priority?: number;
            tags?: string[];
            /** Format: int64 */
            timeout_s?: number;
        } & {
            [key: string]: unknown;
        };
        JobGlance: {
            /** Format: int64 */
            done?: number;
            /** Format: date-time */
            ended?: string;
            /** Format: int64 */
            failed?: number;
            /** Format: int64 */
            id?: number;
            /** Format: double */
            left_s?: number;
            /** Format: int64 */
            missing?: number;
            name?: string;
            owner?: string;
            /** Format: int64 */
            priority?: number;
            /** Format: int64 */
            running?: number;
            staged?: boolean;
            stages?: components["schemas"]["StageProgress"][] | null;
            state?: string;
            /** Format: int64 */
            total?: number;
        } & {
            [key: string]: unknown;
        };
        JobList: {
            after?: string;
            jobs?: components["schemas"]["Job"][] | null;
            /** Format: int64 */
            next?: number;
            /** Format: int64 */
            total?: number;
        } & {
            [key: string]: unknown;
        };
        JobPreview: {
            /** Format: int64 */
            after?: number;
            /** Format: int64 */
            before?: number;
            /** Format: int64 */
            id?: number;
            name?: string;
            /** Format: int64 */
            now?: number;
            /** Format: int64 */
            priority?: number;
        } & {
            [key: string]: unknown;
        };
        JobShare: {
            held?: number[] | null;
            /** Format: int64 */
            id?: number;
            name?: string;
            /** Format: int64 */
            priority?: number;
        } & {
            [key: string]: unknown;
        };
        JobSpec: {
            /** Format: int64 */
            attempts?: number;
            bakes?: (components["schemas"]["Simulation"][] | null)[] | null;
            blend?: string;
            /** Format: int64 */
            chunk?: number;
            film?: components["schemas"]["Film"];
            /** Format: double */
            fps?: number;
            frames?: string;
            in_order?: boolean;
            inspect?: boolean;
            keep?: boolean;
            key?: string;
            name?: string;
            needs?: components["schemas"]["Needs"];
            options?: components["schemas"]["Options"];
            order?: string;
            /** Format: int64 */
            priority?: number;
            probe?: boolean;
            process?: components["schemas"]["Process"];
            /** Format: int64 */
            samples_split?: number;
            tiles?: string;
            /** Format: int64 */
            timeout_s?: number;
            views?: components["schemas"]["View"][] | null;
        } & {
            [key: string]: unknown;
        };
        KindName: {
            kind?: string;
            text?: string;
        } & {
            [key: string]: unknown;
        };
        Lack: {
            text?: string;
            worker?: string;
            /** Format: int64 */
            workers?: number;
        } & {
            [key: string]: unknown;
        };
        Layer: {
            channels?: string[] | null;
            /** Format: int64 */
            height?: number;
            kind?: string;
            layer?: string;
            name?: string;
            pass?: string;
            type?: string;
            view?: string;
            /** Format: int64 */
            width?: number;
            /** Format: int64 */
            x?: number;
            /** Format: int64 */
            y?: number;
        } & {
            [key: string]: unknown;
        };
        LayerList: {
            file?: string;
            /** Format: int64 */
            frame?: number;
            /** Format: int64 */
            height?: number;
            layers?: components["schemas"]["Layer"][] | null;
            /** Format: int64 */
            width?: number;
        } & {
            [key: string]: unknown;
        };
        Lease: {
            /** Format: int64 */
            attempt?: number;
            frames?: number[] | null;
            /** Format: int64 */
            id?: number;
            /** Format: date-time */
            issued?: string;
            /** Format: int64 */
            job?: number;
            /** Format: int64 */
            slot?: number;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        Load: {
            /** Format: double */
            cpu?: number;
            /** Format: int64 */
            disk_free_mb?: number;
            /** Format: double */
            gpu?: number;
            idle?: string;
            /** Format: int64 */
            memory_used_mb?: number;
            peer?: components["schemas"]["PeerLoad"];
            /** Format: double */
            user_idle_s?: number;
            /** Format: int64 */
            utc_offset_min?: number;
        } & {
            [key: string]: unknown;
        };
        LoginLink: {
            /** Format: date-time */
            expires?: string;
            path?: string;
        } & {
            [key: string]: unknown;
        };
        LoginView: {
            address?: string;
            browser?: string;
            /** Format: date-time */
            created?: string;
            id?: string;
            name?: string;
            role?: string;
            token?: string;
            /** Format: date-time */
            used?: string;
        } & {
            [key: string]: unknown;
        };
        Needs: {
            addon_files?: string[] | null;
            addons?: string[] | null;
            allow?: string[] | null;
            arch?: string[] | null;
            bakes?: string[] | null;
            blender?: string;
            /** Format: int64 */
            cores?: number;
            denoiser?: boolean;
            deny?: string[] | null;
            engine?: string;
            exact?: string;
            gpu?: string;
            /** Format: int64 */
            memory_mb?: number;
            os?: string[] | null;
            shared?: string[] | null;
            tags?: string[] | null;
        } & {
            [key: string]: unknown;
        };
        NewToken: {
            /** Format: date-time */
            created?: string;
            id?: string;
            name?: string;
            role?: string;
            secret?: string;
            /** Format: date-time */
            used?: string;
        } & {
            [key: string]: unknown;
        };
        Obstacle: {
            about?: string;
            hint?: string;
            text?: string;
        } & {
            [key: string]: unknown;
        };
        Options: {
            colours?: string;
            copy_to?: string;
            engine?: string;
            exr?: string;
            fail_on_script_error?: boolean;
            keep_adaptive?: boolean;
            outputs?: boolean;
            /** Format: int64 */
            overscan?: number;
            preview?: boolean;
            scripts?: boolean;
            /** Format: int64 */
            threads?: number;
        } & {
            [key: string]: unknown;
        };
        Orders: {
            cancel?: number[] | null;
            disabled?: string;
            drain?: boolean;
            /** Format: int64 */
            heartbeat_ms?: number;
            /** Format: int64 */
            slots?: number;
            unknown?: boolean;
        } & {
            [key: string]: unknown;
        };
        PairAnswer: {
            state?: string;
            token?: string;
        } & {
            [key: string]: unknown;
        };
        PairPoll: {
            nonce?: string;
            secret?: string;
            /** Format: int64 */
            wait_ms?: number;
        } & {
            [key: string]: unknown;
        };
        PairRequest: {
            commit?: string;
            kind?: string;
            name?: string;
            role?: string;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        PairTicket: {
            code?: string;
            /** Format: date-time */
            expires?: string;
            secret?: string;
        } & {
            [key: string]: unknown;
        };
        Pairing: {
            address?: string;
            again?: string;
            /** Format: date-time */
            asked?: string;
            code?: string;
            /** Format: date-time */
            expires?: string;
            kind?: string;
            letters?: boolean;
            name?: string;
            role?: string;
            state?: string;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        PartList: {
            parts?: components["schemas"]["Result"][] | null;
        } & {
            [key: string]: unknown;
        };
        PeerDoor: {
            addresses?: string[] | null;
            pin?: string;
            /** Format: int64 */
            port?: number;
        } & {
            [key: string]: unknown;
        };
        PeerKey: {
            key?: string;
            /** Format: int64 */
            least?: number;
            /** Format: int64 */
            time_ms?: number;
        } & {
            [key: string]: unknown;
        };
        PeerLoad: {
            /** Format: int64 */
            from_master_bytes?: number;
            /** Format: int64 */
            from_peers_bytes?: number;
            /** Format: int64 */
            given_bytes?: number;
            unreachable?: string[] | null;
        } & {
            [key: string]: unknown;
        };
        PeerSource: {
            addresses?: string[] | null;
            name?: string;
            pin?: string;
            /** Format: int64 */
            silent_ms?: number;
            ticket?: string;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        Pool: {
            /** Format: int64 */
            assigned?: number;
            /** Format: int64 */
            jobs?: number;
            /** Format: int64 */
            priority?: number;
            /** Format: double */
            share?: number;
        } & {
            [key: string]: unknown;
        };
        Probe: {
            engine?: string;
            /** Format: double */
            fixed_s?: number;
            /** Format: int64 */
            frame?: number;
            /** Format: int64 */
            height?: number;
            /** Format: double */
            render_s?: number;
            /** Format: int64 */
            samples?: number;
            /** Format: int64 */
            width?: number;
        } & {
            [key: string]: unknown;
        };
        Problem: {
            detail?: string;
            hint?: string;
            kind?: string;
            /** Format: int64 */
            status?: number;
            title?: string;
            type?: string;
        } & {
            [key: string]: unknown;
        };
        Process: {
            parameters?: components["schemas"]["ProcessValue"][] | null;
            paths?: components["schemas"]["ProcessPath"][] | null;
            steps?: components["schemas"]["ProcessStep"][] | null;
        } & {
            [key: string]: unknown;
        };
        ProcessPath: {
            from?: string;
            output?: boolean;
            to?: string;
        } & {
            [key: string]: unknown;
        };
        ProcessStep: {
            /** Format: int64 */
            level?: number;
            name?: string;
            /** Format: int64 */
            tasks?: number;
        } & {
            [key: string]: unknown;
        };
        ProcessValue: {
            name?: string;
            value?: string;
        } & {
            [key: string]: unknown;
        };
        Progress: {
            /** Format: int64 */
            dispatched?: number;
            /** Format: int64 */
            done?: number;
            /** Format: int64 */
            failed?: number;
            /** Format: double */
            left_s?: number;
            /** Format: double */
            machine_seconds?: number;
            /** Format: int64 */
            missing?: number;
            /** Format: double */
            render_seconds?: number;
            /** Format: int64 */
            running?: number;
            stages?: components["schemas"]["StageProgress"][] | null;
            /** Format: int64 */
            total?: number;
        } & {
            [key: string]: unknown;
        };
        ProveReply: {
            proof?: string;
            where?: string;
        } & {
            [key: string]: unknown;
        };
        ProveRequest: {
            mark?: string;
            nonce?: string;
        } & {
            [key: string]: unknown;
        };
        Reason: {
            chosen?: boolean;
            /** Format: int64 */
            class?: number;
            /** Format: int64 */
            job?: number;
            /** Format: double */
            rating?: number;
            text?: string;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        ReasonList: {
            next?: string;
            reasons?: components["schemas"]["Reason"][] | null;
        } & {
            [key: string]: unknown;
        };
        Registered: {
            /** Format: int64 */
            heartbeat_ms?: number;
            peer?: components["schemas"]["PeerKey"];
            program?: string;
            /** Format: int64 */
            protocol?: number;
            worker?: components["schemas"]["Worker"];
        } & {
            [key: string]: unknown;
        };
        Registration: {
            facts?: components["schemas"]["Facts"];
            fresh?: boolean;
            id?: string;
            name?: string;
            peer?: components["schemas"]["PeerDoor"];
            /** Format: int64 */
            protocol?: number;
            /** Format: int64 */
            slots?: number;
            tags?: string[] | null;
        } & {
            [key: string]: unknown;
        };
        Removal: {
            /** Format: date-time */
            at?: string;
            part?: string;
            rule?: string;
        } & {
            [key: string]: unknown;
        };
        Report: {
            /** Format: int64 */
            attempt?: number;
            error?: string;
            fatal?: boolean;
            /** Format: int64 */
            frame?: number;
            install?: string;
            /** Format: int64 */
            job?: number;
            /** Format: int64 */
            lease?: number;
            /** Format: int64 */
            log_bytes?: number;
            /** Format: int64 */
            log_dropped?: number;
            /** Format: int64 */
            memory_mb?: number;
            outcome?: string;
            own_fault?: boolean;
            results?: components["schemas"]["Result"][] | null;
            scene?: boolean;
            /** Format: double */
            seconds?: number;
            warnings?: string[] | null;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        ReportReply: {
            grant?: components["schemas"]["Grant"];
            verdicts?: components["schemas"]["Verdict"][] | null;
        } & {
            [key: string]: unknown;
        };
        ReportRequest: {
            reports?: components["schemas"]["Report"][] | null;
            wish?: components["schemas"]["Wish"];
        } & {
            [key: string]: unknown;
        };
        Result: {
            /** Format: int64 */
            first?: number;
            /** Format: int64 */
            frame?: number;
            kind?: string;
            /** Format: int64 */
            last?: number;
            name?: string;
            sha256?: string;
            /** Format: int64 */
            size?: number;
        } & {
            [key: string]: unknown;
        };
        RetryRequest: {
            all?: boolean;
            failed?: boolean;
            frames?: string;
        } & {
            [key: string]: unknown;
        };
        Rules: {
            /** Format: int64 */
            attempts?: number;
            /** Format: double */
            cap?: number;
            /** Format: int64 */
            heartbeat_ms?: number;
            /** Format: int64 */
            new_frames?: number;
            /** Format: int64 */
            out_after?: number;
            processes?: boolean;
            /** Format: double */
            stale_minutes?: number;
        } & {
            [key: string]: unknown;
        };
        RulesPreview: {
            jobs?: components["schemas"]["JobPreview"][] | null;
            same?: boolean;
            says?: string[] | null;
            /** Format: int64 */
            slots?: number;
        } & {
            [key: string]: unknown;
        };
        Running: {
            ahead?: boolean;
            /** Format: int64 */
            attempt?: number;
            frames?: number[] | null;
            /** Format: int64 */
            id?: number;
            /** Format: date-time */
            issued?: string;
            /** Format: int64 */
            job?: number;
            progress?: components["schemas"]["Beat"];
            /** Format: date-time */
            seen?: string;
            /** Format: int64 */
            slot?: number;
            task?: string;
            /** Format: int64 */
            task_no?: number;
            worker?: string;
            worker_name?: string;
        } & {
            [key: string]: unknown;
        };
        RunningList: {
            /** Format: int64 */
            next?: number;
            running?: components["schemas"]["Running"][] | null;
        } & {
            [key: string]: unknown;
        };
        Schedule: {
            in_use?: boolean;
            open?: boolean;
            text?: string;
            /** Format: date-time */
            until?: string;
        } & {
            [key: string]: unknown;
        };
        Sharing: {
            /** Format: date-time */
            end?: string;
            jobs?: components["schemas"]["JobShare"][] | null;
            online?: number[] | null;
            /** Format: int64 */
            step_ms?: number;
        } & {
            [key: string]: unknown;
        };
        Shot: {
            /** Format: int64 */
            first?: number;
            /** Format: int64 */
            last?: number;
            name?: string;
            /** Format: int64 */
            step?: number;
        } & {
            [key: string]: unknown;
        };
        Simulation: {
            /** Format: int64 */
            end?: number;
            kind?: string;
            name?: string;
            owner?: string;
            /** Format: int64 */
            start?: number;
        } & {
            [key: string]: unknown;
        };
        Source: {
            /** Format: int64 */
            again_ms?: number;
            keep?: boolean;
            peer?: components["schemas"]["PeerSource"];
        } & {
            [key: string]: unknown;
        };
        SourceFault: {
            how?: string;
            peer?: string;
        } & {
            [key: string]: unknown;
        };
        SourceQuestion: {
            failed?: components["schemas"]["SourceFault"][] | null;
            from?: string;
            gone?: boolean;
            /** Format: int64 */
            have?: number;
            /** Format: int64 */
            size?: number;
            slow?: boolean;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        SplitReply: {
            probe?: boolean;
            /** Format: int64 */
            samples_split?: number;
            /** Format: int64 */
            slots?: number;
            tiles?: string;
            why?: string;
        } & {
            [key: string]: unknown;
        };
        SplitRequest: {
            /** Format: int64 */
            frames?: number;
            needs?: components["schemas"]["Needs"];
            probe?: components["schemas"]["Probe"];
            samples?: boolean;
            scripts?: boolean;
        } & {
            [key: string]: unknown;
        };
        StageProgress: {
            /** Format: int64 */
            done?: number;
            /** Format: int64 */
            failed?: number;
            /** Format: int64 */
            queued?: number;
            /** Format: int64 */
            running?: number;
            stage?: string;
            /** Format: int64 */
            total?: number;
        } & {
            [key: string]: unknown;
        };
        StatRow: {
            day?: string;
            /** Format: int64 */
            done?: number;
            /** Format: int64 */
            expired?: number;
            /** Format: int64 */
            failed?: number;
            /** Format: int64 */
            job?: number;
            job_name?: string;
            owner?: string;
            /** Format: double */
            seconds?: number;
            worker?: string;
            worker_name?: string;
        } & {
            [key: string]: unknown;
        };
        StatSum: {
            /** Format: int64 */
            done?: number;
            /** Format: int64 */
            expired?: number;
            /** Format: int64 */
            failed?: number;
            /** Format: double */
            seconds?: number;
        } & {
            [key: string]: unknown;
        };
        Statistics: {
            by?: string[] | null;
            from?: string;
            more?: boolean;
            rows?: components["schemas"]["StatRow"][] | null;
            to?: string;
            total?: components["schemas"]["StatSum"];
        } & {
            [key: string]: unknown;
        };
        StoreAbout: {
            /** Format: int64 */
            bytes?: number;
            /** Format: date-time */
            checked?: string;
            damage?: string;
            engine?: string;
            path?: string;
            /** Format: int64 */
            schema?: number;
            version?: string;
        } & {
            [key: string]: unknown;
        };
        SubmitReply: {
            job?: components["schemas"]["Job"];
            missing?: string[] | null;
            more?: boolean;
        } & {
            [key: string]: unknown;
        };
        SubmitRequest: {
            files?: components["schemas"]["File"][] | null;
            spec?: components["schemas"]["JobSpec"];
        } & {
            [key: string]: unknown;
        };
        Suspicion: {
            again?: boolean;
            fine?: boolean;
            text?: string;
        } & {
            [key: string]: unknown;
        };
        Target: {
            /** Format: date-time */
            created?: string;
            enabled?: boolean;
            error?: string;
            /** Format: date-time */
            failing_since?: string;
            id?: string;
            kinds?: string[] | null;
            name?: string;
            owner?: string;
            where?: string;
        } & {
            [key: string]: unknown;
        };
        TargetList: {
            kinds?: components["schemas"]["KindName"][] | null;
            targets?: components["schemas"]["Target"][] | null;
        } & {
            [key: string]: unknown;
        };
        TargetReply: {
            /** Format: date-time */
            created?: string;
            enabled?: boolean;
            error?: string;
            /** Format: date-time */
            failing_since?: string;
            id?: string;
            kinds?: string[] | null;
            name?: string;
            owner?: string;
            secret?: string;
            where?: string;
        } & {
            [key: string]: unknown;
        };
        TargetRequest: {
            enabled?: boolean;
            kinds?: string[];
            name?: string;
            new_secret?: boolean;
            owner?: string;
            url?: string;
        } & {
            [key: string]: unknown;
        };
        Token: {
            /** Format: date-time */
            created?: string;
            id?: string;
            name?: string;
            role?: string;
            /** Format: date-time */
            used?: string;
        } & {
            [key: string]: unknown;
        };
        TokenList: {
            next?: string;
            tokens?: components["schemas"]["Token"][] | null;
        } & {
            [key: string]: unknown;
        };
        TokenRequest: {
            name?: string;
            role?: string;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        Verdict: {
            accepted?: boolean;
            /** Format: int64 */
            frame?: number;
            /** Format: int64 */
            lease?: number;
            missing?: string[] | null;
            reason?: string;
        } & {
            [key: string]: unknown;
        };
        Verified: {
            /** Format: int64 */
            bytes?: number;
            /** Format: int64 */
            files?: number;
            /** Format: int64 */
            harmed?: number;
            /** Format: int64 */
            mended?: number;
            /** Format: int64 */
            results?: number;
        } & {
            [key: string]: unknown;
        };
        VerifyStep: {
            damage?: components["schemas"]["Damage"];
            verified?: components["schemas"]["Verified"];
        } & {
            [key: string]: unknown;
        };
        View: {
            camera?: string;
            frames?: string;
            layers?: string[] | null;
            name?: string;
            scene?: string;
        } & {
            [key: string]: unknown;
        };
        Warning: {
            /** Format: int64 */
            frame?: number;
            /** Format: int64 */
            frames?: number;
            text?: string;
        } & {
            [key: string]: unknown;
        };
        Whoami: {
            name?: string;
            role?: string;
            token?: string;
        } & {
            [key: string]: unknown;
        };
        Wish: {
            ahead?: boolean;
            scene?: string;
            /** Format: int64 */
            slot?: number;
            /** Format: int64 */
            wait_ms?: number;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        Worker: {
            address?: string;
            draining?: boolean;
            enabled?: boolean;
            facts?: components["schemas"]["Facts"];
            hours?: string;
            id?: string;
            name?: string;
            reason?: string;
            /** Format: date-time */
            registered?: string;
            /** Format: date-time */
            seen?: string;
            /** Format: int64 */
            set_slots?: number;
            /** Format: int64 */
            slots?: number;
            tags?: string[] | null;
            token?: string;
            /** Format: int64 */
            when_idle_s?: number;
            wished?: string;
        } & {
            [key: string]: unknown;
        };
        WorkerAttempt: {
            /** Format: int64 */
            attempt?: number;
            /** Format: date-time */
            ended?: string;
            error?: string;
            final?: boolean;
            /** Format: int64 */
            frame?: number;
            install?: string;
            /** Format: int64 */
            job?: number;
            job_name?: string;
            /** Format: int64 */
            lease?: number;
            /** Format: int64 */
            memory_mb?: number;
            outcome?: string;
            /** Format: int64 */
            part?: number;
            results?: components["schemas"]["Result"][] | null;
            /** Format: double */
            seconds?: number;
            /** Format: int64 */
            seq?: number;
            stage?: string;
            /** Format: date-time */
            started?: string;
            /** Format: int64 */
            task?: number;
            warnings?: string[] | null;
            worker?: string;
        } & {
            [key: string]: unknown;
        };
        WorkerChange: {
            drain?: boolean;
            enabled?: boolean;
            hours?: string;
            name?: string;
            /** Format: int64 */
            slots?: number;
            tags?: string[];
            /** Format: int64 */
            when_idle_s?: number;
        } & {
            [key: string]: unknown;
        };
        WorkerGlance: {
            /** Format: double */
            fraction?: number;
            /** Format: int64 */
            frame?: number;
            id?: string;
            /** Format: int64 */
            job?: number;
            name?: string;
            state?: string;
        } & {
            [key: string]: unknown;
        };
        WorkerHistory: {
            attempts?: components["schemas"]["WorkerAttempt"][] | null;
            cpu?: (number | null)[] | null;
            /** Format: date-time */
            end?: string;
            gpu?: (number | null)[] | null;
            memory?: (number | null)[] | null;
            next?: string;
            running?: components["schemas"]["Running"][] | null;
            /** Format: int64 */
            step_ms?: number;
        } & {
            [key: string]: unknown;
        };
        WorkerList: {
            next?: string;
            workers?: components["schemas"]["WorkerView"][] | null;
        } & {
            [key: string]: unknown;
        };
        WorkerView: {
            address?: string;
            draining?: boolean;
            enabled?: boolean;
            facts?: components["schemas"]["Facts"];
            hours?: string;
            id?: string;
            load?: components["schemas"]["Load"];
            name?: string;
            online?: boolean;
            reason?: string;
            /** Format: date-time */
            registered?: string;
            running?: components["schemas"]["Running"][] | null;
            schedule?: components["schemas"]["Schedule"];
            /** Format: date-time */
            seen?: string;
            /** Format: int64 */
            set_slots?: number;
            /** Format: int64 */
            slots?: number;
            tags?: string[] | null;
            token?: string;
            /** Format: int64 */
            when_idle_s?: number;
            wished?: string;
        } & {
            [key: string]: unknown;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    about: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["About"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    attention: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AttentionList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAudit: {
        parameters: {
            query?: {
                /** @description name or id of a token */
                who?: string;
                /** @description where the page before ended */
                before?: number;
                /** @description only later ones, the oldest first */
                after?: number;
                /** @description 1 to 1000; 100 when not given */
                limit?: number;
                /** @description with after: how long to hold an empty answer */
                wait_ms?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getBackup: {
        parameters: {
            query?: {
                /** @description 1: with the scenes' files and the results */
                files?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    balance: {
        parameters: {
            query?: {
                /** @description how many jobs to list; all when not given */
                limit?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Balance"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    knownChunks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getBlob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description The range that was asked for */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putBlob: {
        parameters: {
            query?: never;
            header?: {
                /** @description where the body begins; 0 when not given */
                "Upload-Offset"?: number;
                /** @description bytes of the whole */
                "Upload-Size"?: number;
                /** @description zstd, netrender-chunks, both in the order netrender-chunks, zstd, or not given. netrender-chunks is a sequence of: 'L', a length (4 bytes, big endian), so many bytes; 'C', the SHA-256 (32 bytes) of a chunk to be copied */
                "Content-Encoding"?: string;
            };
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A part came: go on at Upload-Offset */
            202: {
                headers: {
                    /** @description bytes that are there */
                    "Upload-Offset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The body does not begin where the file ends: begin at Upload-Offset */
            409: {
                headers: {
                    /** @description bytes that are there */
                    "Upload-Offset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    hasBlob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is not there, but Upload-Offset bytes of it are */
            404: {
                headers: {
                    /** @description bytes that are there */
                    "Upload-Offset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRecipe: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sources: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                ref: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SourceQuestion"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Source"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    claim: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Wish"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Grant"];
                };
            };
            /** @description There is nothing to do */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getCleaning: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cleaning"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setCleaning: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Cleaning"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cleaning"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewCleaning: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Cleaning"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cleaned"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    clean: {
        parameters: {
            query?: {
                /** @description only tell what would go */
                dry?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cleaned"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    watchEvents: {
        parameters: {
            query?: {
                /** @description of this job only */
                job?: number;
                /** @description job, frame, beat, worker, disk, attention, pair, token, audit; separated by commas; the last three for admins */
                kinds?: string;
                /** @description milliseconds, 200 to 10000: tell only the last event of each kind of each job, and of each worker's own, this often */
                every?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    glance: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Glance"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    importJob: {
        parameters: {
            query?: {
                /** @description importing twice under the same one makes one job */
                key?: string;
                /** @description 1: render what is not done; else the job is paused */
                start?: boolean;
                /** @description of what is packed, to be refused at once when there is no room */
                bytes?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportReply"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getInfo: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Info"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listJobs: {
        parameters: {
            query?: {
                /** @description states, separated by commas */
                state?: string;
                owner?: string;
                /** @description part of the name */
                q?: string;
                /** @description SHA-256 of the .blend: only jobs of this very scene */
                scene?: string;
                /** @description true: inspections, which are not among the jobs otherwise */
                inspect?: string;
                /** @description only jobs with a smaller number */
                before?: string;
                /** @description id, created, started, ended, name, state, owner, priority, progress, frames, failed or machine; id when not given */
                sort?: string;
                /** @description asc or desc; when not given, name, state and owner rise and all else falls */
                order?: string;
                /** @description where the page before ended: its after */
                after?: string;
                /** @description 1 to 1000; 100 when not given */
                limit?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    submitJob: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SubmitRequest"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmitReply"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    actOnJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ActionRequest"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ActionReply"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    archiveJob: {
        parameters: {
            query?: {
                /** @description 0: without the scene's files */
                files?: boolean;
                /** @description 0: without the results */
                results?: boolean;
                /** @description 0: without the logs */
                logs?: boolean;
                /** @description 1: leave out what is not whole, and name it; else that is an error */
                allow_missing?: boolean;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAttempts: {
        parameters: {
            query?: {
                /** @description where the page before ended */
                after?: number;
                /** @description as 1-250 */
                frames?: string;
                /** @description accepted results only */
                accepted?: boolean;
                /** @description failed attempts only */
                failed?: boolean;
                /** @description 1 to 1000 */
                limit?: number;
                /** @description how long to hold an empty answer */
                wait_ms?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AttemptList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listFiles: {
        parameters: {
            query?: {
                /** @description where the page before ended */
                after?: string;
                /** @description entries of the page, 1 to 1000 */
                limit?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getFilm: {
        parameters: {
            query?: {
                /** @description which of the job's views it is of, 1 for the first; 1 when not given */
                view?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description The range that was asked for */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getPreviewFilm: {
        parameters: {
            query?: {
                /** @description which of the job's views, 1 for the first; 1 when not given */
                view?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "video/x-msvideo": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getFrames: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FrameStates"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getLayer: {
        parameters: {
            query?: {
                /** @description as listLayers says */
                name?: string;
                /** @description pixels; scaled down by averaging; those of the file when not given */
                width?: number;
                /** @description 0: do not pack, whatever is accepted */
                pack?: boolean;
                /** @description name of the result, where the frame has several that are OpenEXR; its multilayer EXR when not given */
                file?: string;
            };
            header?: never;
            path: {
                id: string;
                frame: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description It is as If-None-Match says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLayers: {
        parameters: {
            query?: {
                /** @description name of the result, where the frame has several that are OpenEXR; its multilayer EXR when not given */
                file?: string;
            };
            header?: never;
            path: {
                id: string;
                frame: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LayerList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getFramePreview: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                frame: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description It is as If-None-Match says */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getGrid: {
        parameters: {
            query?: {
                /** @description where the page before ended: a frame */
                after?: number;
                /** @description frames of the page, 1 to 50000; 10000 when not given */
                limit?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Grid"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getInspection: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Inspection"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readLog: {
        parameters: {
            query?: {
                frame?: number;
                /** @description of this attempt; the newest when not given, Netrender-Lease says which */
                lease?: number;
                /** @description bytes to skip */
                offset?: number;
                /** @description how long to hold an empty answer */
                wait_ms?: number;
                /** @description the attempt that offset is meant for: when another is the newest by now, it is read from its beginning */
                of?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; charset=utf-8": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listMissing: {
        parameters: {
            query?: {
                /** @description where the page before ended */
                after?: string;
                /** @description entries of the page, 1 to 1000 */
                limit?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FileList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pauseJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getResults: {
        parameters: {
            query?: {
                /** @description as 1-250; all when not given */
                frames?: string;
                /** @description exr, output, node and preview, separated by commas; all when not given */
                kinds?: string;
                /** @description 1: leave out what is not on the disk any more; else that is an error */
                allow_missing?: boolean;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/zip": string;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getResult: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description The range that was asked for */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retryJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RetryRequest"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRunning: {
        parameters: {
            query?: {
                /** @description where the page before ended */
                after?: string;
                /** @description entries of the page, 1 to 1000 */
                limit?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunningList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    suspectResult: {
        parameters: {
            query?: {
                frame?: number;
                /** @description of the result */
                name?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Suspicion"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listWarnings: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Warning"][] | null;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whyJob: {
        parameters: {
            query?: {
                /** @description where the page before ended */
                after?: string;
                /** @description entries of the page, 1 to 1000 */
                limit?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReasonList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cachesReady: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CacheRequest"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CacheReply"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    appendLog: {
        parameters: {
            query?: {
                frame?: number;
                /** @description where the text belongs */
                offset?: number;
            };
            header?: {
                /** @description id of the worker */
                "Netrender-Worker"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "text/plain; charset=utf-8": string;
            };
        };
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listParts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PartList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getPart: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description The range that was asked for */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    suspectPart: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                task: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Suspicion"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putResult: {
        parameters: {
            query?: {
                frame?: number;
                /** @description exr, output, node or preview */
                kind?: string;
                /** @description below the job's results */
                name?: string;
            };
            header?: {
                /** @description bytes */
                "Upload-Size"?: number;
                /** @description SHA-256 */
                "Content-Ref"?: string;
                /** @description id of the worker */
                "Netrender-Worker"?: string;
                /** @description where the body begins; when not given the file begins anew */
                "Upload-Offset"?: number;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            /** @description A part came: go on at Upload-Offset */
            202: {
                headers: {
                    /** @description bytes that are there */
                    "Upload-Offset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The body does not begin where the file ends: begin at Upload-Offset */
            409: {
                headers: {
                    /** @description bytes that are there */
                    "Upload-Offset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    hasResult: {
        parameters: {
            query?: {
                frame?: number;
                /** @description exr, output, node or preview */
                kind?: string;
                /** @description below the job's results */
                name?: string;
            };
            header?: {
                /** @description bytes */
                "Upload-Size"?: number;
                /** @description SHA-256 */
                "Content-Ref"?: string;
                /** @description id of the worker */
                "Netrender-Worker"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is not there, but Upload-Offset bytes of it are */
            404: {
                headers: {
                    /** @description bytes that are there */
                    "Upload-Offset"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLogins: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoginView"][] | null;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    askLogin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoginLink"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endLogin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTargets: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TargetList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addTarget: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TargetRequest"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TargetReply"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeliveries: {
        parameters: {
            query?: {
                /** @description id of a target; empty: of all */
                target?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeTarget: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeTarget: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TargetRequest"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TargetReply"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    testTarget: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Answer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listPairings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pairing"][] | null;
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    askPairing: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PairRequest"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PairTicket"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pollPairing: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PairPoll"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PairAnswer"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    acceptPairing: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                code: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pairing"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    refusePairing: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                code: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pairing"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    prove: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProveRequest"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProveReply"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    report: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReportRequest"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReportReply"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rules"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setRules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Rules"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rules"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewRules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Rules"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RulesPreview"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    share: {
        parameters: {
            query?: {
                /** @description how far back, 1 to 60; 60 when left out */
                minutes?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sharing"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    statistics: {
        parameters: {
            query?: {
                /** @description day, job, owner or worker, or some of them with commas; day when left out */
                by?: string;
                /** @description the first day, UTC, as 2026-11-01; 30 days before the last when left out */
                from?: string;
                /** @description the last day; today when left out */
                to?: string;
                /** @description csv, or json */
                format?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Statistics"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTokens: {
        parameters: {
            query?: {
                /** @description where the page before ended */
                after?: string;
                /** @description entries of the page, 1 to 1000 */
                limit?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TokenRequest"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewToken"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verify: {
        parameters: {
            query?: {
                /** @description take out what is harmed: files are asked for again, frames are rendered again */
                repair?: boolean;
                /** @description bytes read in a second; as fast as can be when not given */
                rate?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerifyStep"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    whoami: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Whoami"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listWorkers: {
        parameters: {
            query?: {
                /** @description where the page before ended */
                after?: string;
                /** @description entries of the page, 1 to 1000 */
                limit?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerList"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Registration"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Registered"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    fitWorkers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["FitRequest"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fit"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    splitFrames: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SplitRequest"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SplitReply"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getWorker: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerView"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteWorker: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No Content */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeWorker: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WorkerChange"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerView"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    heartbeat: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Heartbeat"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Orders"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    workerHistory: {
        parameters: {
            query?: {
                /** @description of load, 1 to 10; 8 when left out */
                hours?: string;
                /** @description attempts of the page, 0 to 1000; 50 when left out */
                limit?: string;
                /** @description next of the page before */
                before?: string;
                /** @description 1: only attempts that failed or expired */
                failed?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerHistory"];
                };
            };
            /** @description Error */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
